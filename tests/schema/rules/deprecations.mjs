import { enumValues, inputs, outputFields } from "../definitions.mjs";

export function* deprecationsSayWhy(schema) {
  for (const { at, definition } of [outputFields, inputs, enumValues].flatMap((of) => of(schema))) {
    // Not `deprecationReason`: graphql-js fills a missing one in.
    const deprecated = definition.astNode.directives.find(({ name }) => name.value === "deprecated");
    const reason = deprecated?.arguments.find(({ name }) => name.value === "reason");
    if (deprecated && !reason?.value.value?.trim()) {
      yield [at, "is deprecated without a reason"];
    }
  }
}
