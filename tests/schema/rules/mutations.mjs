import { getNamedType, isInputObjectType, isListType, isNonNullType, isObjectType } from "graphql";

const mutations = (schema) => Object.values(schema.getMutationType()?.getFields() ?? {});
const capitalised = (name) => name[0].toUpperCase() + name.slice(1);
const payloads = (schema) =>
  mutations(schema)
    .map(({ type }) => getNamedType(type))
    .filter(isObjectType);

export function* mutationsTakeTheirInputAlone(schema) {
  for (const { name, args } of mutations(schema)) {
    const taken = args.map((argument) => `${argument.name}: ${argument.type}`).join(", ");
    const wanted = `input: ${capitalised(name)}Input!`;
    if (taken !== wanted) {
      yield [`Mutation.${name}`, `takes (${taken}), not (${wanted})`];
    }
  }
}

export function* mutationsReturnTheirPayload(schema) {
  for (const { name, type } of mutations(schema)) {
    const wanted = `${capitalised(name)}Payload!`;
    if (String(type) !== wanted) {
      yield [`Mutation.${name}`, `returns ${type}, not ${wanted}`];
    }
  }
}

export function* payloadsTellWhatIsWrong(schema) {
  for (const payload of payloads(schema)) {
    const type = payload.getFields().userErrors?.type;
    if (String(type) !== "[UserError!]!") {
      yield [payload.name, "has no userErrors: [UserError!]!"];
    }
  }
}

/** So that a front end can show the balances without another call. */
export function* payloadsGiveTheClient(schema) {
  for (const payload of payloads(schema)) {
    if (getNamedType(payload.getFields().financeClient?.type)?.name !== "FinanceClient") {
      yield [payload.name, "has no financeClient: FinanceClient"];
    }
  }
}

/** Nothing was changed: the changed object is null. */
export function* whatPayloadsGiveIsNullable(schema) {
  for (const payload of payloads(schema)) {
    for (const { name, type } of Object.values(payload.getFields())) {
      if (isNonNullType(type) && !isListType(type.ofType)) {
        yield [`${payload.name}.${name}`, `is ${type}, but is null when nothing was changed`];
      }
    }
  }
}

export function* mutationsCanBeSentAgain(schema) {
  const taken = mutations(schema).flatMap(({ args }) => args.map(({ type }) => getNamedType(type)));
  for (const input of taken.filter(isInputObjectType)) {
    if (getNamedType(input.getFields().idempotencyKey?.type)?.name !== "String") {
      yield [input.name, "has no idempotencyKey: String"];
    }
  }
}
