import { getNamedType, isNonNullType, isObjectType } from "graphql";
import { outputFields, types } from "../definitions.mjs";

export function* connectionsAreComplete(schema) {
  for (const [at, connection, item] of named("Connection", schema)) {
    yield* missing(at, connection.getFields(), {
      edges: `[${item}Edge!]!`,
      nodes: `[${item}!]!`,
      pageInfo: "PageInfo!",
      totalCount: "Int!",
    });
  }
}

export function* edgesAreComplete(schema) {
  for (const [at, edge, item] of named("Edge", schema)) {
    yield* missing(at, edge.getFields(), { cursor: "String!", node: `${item}!` });
  }
}

export function* pageInfoIsThatOfRelay(schema) {
  for (const { at, definition } of types(schema).filter(({ name }) => name === "PageInfo")) {
    yield* missing(at, definition.getFields(), {
      hasNextPage: "Boolean!",
      hasPreviousPage: "Boolean!",
      startCursor: "String",
      endCursor: "String",
    });
  }
}

export function* connectionsTakeAPage(schema) {
  for (const { at, definition } of connectionFields(schema)) {
    const args = Object.fromEntries(definition.args.map((argument) => [argument.name, argument]));
    yield* missing(at, args, { first: "Int", after: "String", last: "Int", before: "String" });
  }
}

/** A wrong argument is to cost nothing else of the answer: docs/adr/0005-contract.md. */
export function* connectionsMayFailAlone(schema) {
  for (const { at, type } of connectionFields(schema)) {
    if (isNonNullType(type)) {
      yield [at, `is ${type}, so that a wrong argument would take its parent along`];
    }
  }
}

const connectionFields = (schema) =>
  outputFields(schema).filter(({ type }) => getNamedType(type).name.endsWith("Connection"));

function* named(suffix, schema) {
  for (const { at, name, definition } of types(schema)) {
    if (isObjectType(definition) && name.endsWith(suffix)) {
      yield [at, definition, name.slice(0, -suffix.length)];
    }
  }
}

function* missing(at, members, wanted) {
  for (const [name, type] of Object.entries(wanted)) {
    if (String(members[name]?.type) !== type) {
      yield [`${at}.${name}`, `is ${members[name]?.type ?? "missing"}, not ${type}`];
    }
  }
}
