import { validateSchema } from "graphql";

/** What the specification asks of a schema, such as that an object has its interfaces' fields. */
export function* schemaIsValid(schema) {
  for (const error of validateSchema(schema)) {
    yield ["schema", `is not valid: ${error.message}`];
  }
}
