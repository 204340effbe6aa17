import { getNamedType, isEnumType } from "graphql";
import { outputFields } from "../definitions.mjs";

/** An enum with UNKNOWN hides stored words: the field beside gives them. */
export function* unknownHasItsStoredWord(schema) {
  for (const { at, name, type, parent } of outputFields(schema)) {
    const named = getNamedType(type);
    // An interface's field is answered for once, at the interface: who implements it has its fields.
    const inherited = parent.getInterfaces().some((one) => one.getFields()[name]);
    if (inherited || !isEnumType(named) || !named.getValue("UNKNOWN")) {
      continue;
    }
    if (!parent.getFields()[`${name}Raw`]) {
      yield [at, `may be UNKNOWN, but has no ${name}Raw: String! beside it`];
    }
  }
}

export function* storedWordsAreStrings(schema) {
  for (const { at, name, type } of outputFields(schema)) {
    if (name.endsWith("Raw") && String(type) !== "String!") {
      yield [at, `is ${type}, but a stored word is String!`];
    }
  }
}
