import { getNullableType, isListType, isNonNullType } from "graphql";
import { inputs, outputFields } from "../definitions.mjs";

export function* listItemsAreNonNull(schema) {
  for (const { at, type } of [...outputFields(schema), ...inputs(schema)]) {
    if (listsIn(type).some((list) => !isNonNullType(list.ofType))) {
      yield [at, `is ${type}, but a list has no null items`];
    }
  }
}

/** Those that are given are left alone: there null says "no filter". */
export function* listsAreNonNull(schema) {
  for (const { at, type } of outputFields(schema)) {
    if (isListType(type)) {
      yield [at, `is ${type}, but an empty list says "none"`];
    }
  }
}

function listsIn(type) {
  const list = getNullableType(type);
  return isListType(list) ? [list, ...listsIn(list.ofType)] : [];
}
