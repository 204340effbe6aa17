import { getNamedType, isScalarType } from "graphql";
import { inputs, outputFields } from "../definitions.mjs";

const money = [
  /^(amount|balance|credit|debt|fee|owed|price|received|sum)$/,
  /(Amount|Balance|Credit|Debt|Fee|Price|Sum)$/,
];

export const moneyIsPence = (schema) => otherThan("Pence", money, schema);
export const daysAreDate = (schema) => otherThan("Date", [/Date$/], schema);
export const instantsAreDateTime = (schema) => otherThan("DateTime", [/At$/], schema);

/** Pence are whole, and so is all else that is counted here. */
export function* nothingIsFloat(schema) {
  for (const { at, type } of [...outputFields(schema), ...inputs(schema)]) {
    if (getNamedType(type).name === "Float") {
      yield [at, `is ${type}, but no number here is a Float`];
    }
  }
}

function* otherThan(wanted, patterns, schema) {
  for (const { at, name, type } of [...outputFields(schema), ...inputs(schema)]) {
    const named = getNamedType(type);
    const fits = patterns.some((pattern) => pattern.test(name));
    if (fits && isScalarType(named) && named.name !== wanted) {
      yield [at, `is ${type}, but by its name it is ${wanted}`];
    }
  }
}
