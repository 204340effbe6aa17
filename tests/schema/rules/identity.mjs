import { isObjectType } from "graphql";
import { outputFields, types } from "../definitions.mjs";

export function* idsAreOpaque(schema) {
  for (const { at, name, type } of outputFields(schema)) {
    if (name === "id" && String(type) !== "ID!") {
      yield [at, `is ${type}, but an id is ID!`];
    }
  }
}

/** A billing event has an id for caches alone: it is found through its client's history. */
export function* identitiesAreNodes(schema) {
  for (const { at, definition } of types(schema)) {
    if (!isObjectType(definition) || !definition.getFields().id) {
      continue;
    }
    const interfaces = definition.getInterfaces().map(({ name }) => name);
    if (!interfaces.includes("Node") && !interfaces.includes("BillingEvent")) {
      yield [at, "has an id, but does not implement Node"];
    }
  }
}
