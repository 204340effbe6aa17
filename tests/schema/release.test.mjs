import assert from "node:assert/strict";
import { test } from "node:test";
import { releasedText, releasedVersion } from "./released.mjs";

test("a release writes its version, then the schema as it is", () => {
  const text = releasedText("0.2.0", "type Query { a: Int }\n");
  assert.equal(text, "# 0.2.0\ntype Query { a: Int }\n");
  assert.equal(releasedVersion(text), "0.2.0");
});

for (const version of [undefined, "", "v0.2.0", "0.2", "0.2.0-rc.1", "next"]) {
  test(`a release of the version ${JSON.stringify(version)} is refused`, () => {
    assert.throws(() => releasedText(version, ""), /not a version/);
  });
}

test("a file without a version on its first line has none", () => {
  assert.equal(releasedVersion("type Query { a: Int }\n# 0.2.0\n"), undefined);
});
