// The schema as it is: its conventions, and what it would break of the released one.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { breakingFaults, dangerousChanges } from "./breaking.mjs";
import { conventionFaults } from "./conventions.mjs";
import { excuses } from "./excuses.mjs";
import { releasedFile, releasedVersion } from "./released.mjs";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const sdl = read("../../schema.graphql");
const released = readFileSync(releasedFile, "utf8");

test("the schema keeps its conventions", () => {
  none(conventionFaults(sdl, excuses));
});

test("what breaks callers of the released schema is named in the changelog", async (t) => {
  for (const change of await dangerousChanges(released, sdl)) {
    t.diagnostic(`dangerous since ${releasedVersion(released)}: ${change}`);
  }
  none(await breakingFaults(released, sdl, read("../../CHANGELOG.md")));
});

test("released.graphql begins with its version, as `npm run release -- 0.2.0` writes it", () => {
  assert.ok(releasedVersion(released), "write it with: npm run release -- VERSION");
});

function none(faults) {
  assert.ok(faults.length === 0, `${faults.length} faults:\n${faults.join("\n")}`);
}
