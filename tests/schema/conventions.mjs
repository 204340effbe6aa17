// The conventions as a plain function: an SDL in, a list of faults out. What a rules file exports is
// a rule: a function of the schema that yields [coordinate, what is wrong].
import { buildSchema } from "graphql";
import * as connections from "./rules/connections.mjs";
import * as deprecations from "./rules/deprecations.mjs";
import * as descriptions from "./rules/descriptions.mjs";
import * as identity from "./rules/identity.mjs";
import * as lists from "./rules/lists.mjs";
import * as mutations from "./rules/mutations.mjs";
import * as names from "./rules/names.mjs";
import * as scalars from "./rules/scalars.mjs";
import * as sirius from "./rules/sirius.mjs";
import * as storedWords from "./rules/stored-words.mjs";
import * as validity from "./rules/validity.mjs";

export const rules = Object.entries({
  ...connections,
  ...deprecations,
  ...descriptions,
  ...identity,
  ...lists,
  ...mutations,
  ...names,
  ...scalars,
  ...sirius,
  ...storedWords,
  ...validity,
});

export function conventionFaults(sdl, excuses = []) {
  const schema = buildSchema(sdl);
  const found = rules.flatMap(([rule, find]) =>
    [...find(schema)].map(([at, says]) => ({ rule, at, says })),
  );
  const isFor = (excuse, fault) => excuse.rule === fault.rule && excuse.at === fault.at;
  // An excuse that excuses nothing would hide the fault when it comes back.
  const stale = excuses.filter((excuse) => !found.some((fault) => isFor(excuse, fault)));
  return [
    ...found.filter((fault) => !excuses.some((excuse) => isFor(excuse, fault))),
    ...stale.map(({ rule, at }) => ({ rule, at, says: "is excused, but breaks no rule" })),
  ].map(({ rule, at, says }) => `${at} ${says} (${rule})`);
}
