import { directives, enumValues, inputs, outputFields, types } from "../definitions.mjs";

const all = (schema) =>
  [types, outputFields, inputs, enumValues, directives].flatMap((of) => of(schema));

const text = ({ definition }) => definition.description?.trim() ?? "";

export function* everythingIsDescribed(schema) {
  for (const one of all(schema).filter((one) => text(one) === "")) {
    yield [one.at, "has no description"];
  }
}

export function* descriptionsEndInAFullStop(schema) {
  for (const one of all(schema).filter((one) => text(one) !== "")) {
    if (!text(one).endsWith(".")) {
      yield [one.at, `has a description without a full stop: "${text(one)}"`];
    }
  }
}
