// What a change of the schema does to callers of the released one, as plain functions of both SDLs.
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";
import { namedAsBreaking } from "./changelog.mjs";

/** The breaking changes that the changelog does not name, each with the line that would. */
export async function breakingFaults(releasedSdl, sdl, changelog) {
  const named = namedAsBreaking(changelog);
  const breaking = await changes(releasedSdl, sdl, CriticalityLevel.Breaking);
  return breaking
    .filter(({ path }) => !named.has(path))
    .map(
      ({ path, message }) =>
        `${path}: ${message}. Undo it, or add to CHANGELOG.md under "## Unreleased":\n` +
        `- Breaking: \`${path}\`: ${message}.`,
    );
}

/** What breaks only callers who did not expect it, such as a new enum value. */
export async function dangerousChanges(releasedSdl, sdl) {
  const dangerous = await changes(releasedSdl, sdl, CriticalityLevel.Dangerous);
  return dangerous.map(({ path, message }) => `${path}: ${message}`);
}

async function changes(releasedSdl, sdl, level) {
  const all = await diff(buildSchema(releasedSdl), buildSchema(sdl));
  return all
    .filter(({ criticality }) => criticality.level === level)
    // Another root type has no path of its own.
    .map(({ path = "schema", message }) => ({ path, message }));
}
