// Every definition of a schema with its coordinate, such as `Invoice.amount`, `Query.refunds.first`
// or `Role.FINANCE_USER`: as the comparison with the release and the changelog write it.
import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedDirective,
  isSpecifiedScalarType,
} from "graphql";

export function types(schema) {
  return Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .map((type) => ({ at: type.name, ...plain(type) }));
}

// Those of the specification are printed too, but their words are not ours.
export function directives(schema) {
  return schema
    .getDirectives()
    .filter((directive) => !isSpecifiedDirective(directive))
    .map((directive) => ({ at: `@${directive.name}`, ...plain(directive) }));
}

/** The fields that are asked for, those of interfaces included. */
export function outputFields(schema) {
  return members(schema, (type) => isObjectType(type) || isInterfaceType(type), "getFields");
}

export function inputFields(schema) {
  return members(schema, isInputObjectType, "getFields");
}

export function enumValues(schema) {
  return members(schema, isEnumType, "getValues");
}

export function fieldArguments(schema) {
  return outputFields(schema).flatMap(argumentsOf);
}

export function directiveArguments(schema) {
  return directives(schema).flatMap(argumentsOf);
}

/** All that a caller gives. */
export function inputs(schema) {
  return [...inputFields(schema), ...fieldArguments(schema), ...directiveArguments(schema)];
}

function members(schema, fits, get) {
  return types(schema)
    .filter(({ definition }) => fits(definition))
    .flatMap(({ at, definition: parent }) =>
      Object.values(parent[get]()).map((member) => ({
        at: `${at}.${member.name}`,
        parent,
        ...plain(member),
      })),
    );
}

function argumentsOf({ at, definition }) {
  return definition.args.map((argument) => ({ at: `${at}.${argument.name}`, ...plain(argument) }));
}

function plain(definition) {
  return { name: definition.name, type: definition.type, definition };
}
