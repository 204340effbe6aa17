import { getNamedType, isNonNullType } from "graphql";
import { outputFields } from "../definitions.mjs";

/** So that its failure costs that field alone. A `User` that is there has its name. */
export function* whatSiriusKnowsIsNullable(schema) {
  for (const { at, name, type, parent } of outputFields(schema)) {
    const fromSirius =
      getNamedType(type).name === "User" || (name === "displayName" && parent.name !== "User");
    if (fromSirius && isNonNullType(type)) {
      yield [at, `is ${type}, but depends on Sirius, which may be down`];
    }
  }
}
