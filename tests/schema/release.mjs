// `npm run release -- 0.2.0`: from now on, changes are compared with the schema as it is.
import { readFileSync, writeFileSync } from "node:fs";
import { releasedFile, releasedText } from "./released.mjs";

const version = process.argv[2];
const sdl = readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8");
try {
  writeFileSync(releasedFile, releasedText(version, sdl));
  console.log(`released.graphql is that of ${version}.`);
  console.log(`In CHANGELOG.md, rename "## Unreleased" to "## ${version}" and begin a new one.`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
