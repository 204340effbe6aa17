import { isInputObjectType } from "graphql";
import {
  directiveArguments,
  enumValues,
  fieldArguments,
  inputFields,
  outputFields,
  types,
} from "../definitions.mjs";

const camelCase = /^[a-z][a-zA-Z0-9]*$/;
const pascalCase = /^[A-Z][a-zA-Z0-9]*$/;
const upperSnakeCase = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

export const typesArePascalCase = (schema) => unlike(pascalCase, "PascalCase", types(schema));

export const fieldsAreCamelCase = (schema) =>
  unlike(camelCase, "camelCase", [...outputFields(schema), ...inputFields(schema)]);

export const argumentsAreCamelCase = (schema) =>
  unlike(camelCase, "camelCase", [...fieldArguments(schema), ...directiveArguments(schema)]);

export const enumValuesAreUpperSnakeCase = (schema) =>
  unlike(upperSnakeCase, "UPPER_SNAKE_CASE", enumValues(schema));

export function* inputTypesAloneEndInInput(schema) {
  for (const { at, name, definition } of types(schema)) {
    if (isInputObjectType(definition) !== name.endsWith("Input")) {
      yield [at, "is not named as what it is: input types, and they alone, end in Input"];
    }
  }
}

function* unlike(pattern, style, named) {
  for (const { at, name } of named) {
    if (!pattern.test(name)) {
      yield [at, `is not ${style}`];
    }
  }
}
