import assert from "node:assert/strict";
import { test } from "node:test";
import { breakingFaults, dangerousChanges } from "./breaking.mjs";

const released = `
type Query { invoice(id: ID!): Invoice }
type Invoice { amount: Int! amountRaw: String! status: Status! }
enum Status { PAID UNPAID }
input Payment { amount: Int! note: String }
`;

const unreleased = (...lines) => ["# Changelog", "", "## Unreleased", "", ...lines, ""].join("\n");
const without = (...parts) => parts.reduce((sdl, part) => sdl.replace(part, ""), released);

/** The paths of what is left to be named. */
async function unnamed(sdl, changelog = unreleased()) {
  const faults = await breakingFaults(released, sdl, changelog);
  return faults.map((fault) => fault.split(":")[0]);
}

test("a schema that did not change breaks nothing", async () => {
  assert.deepEqual(await unnamed(released), []);
});

test("a removed field that is not named fails, with the change and the line to add", async () => {
  assert.deepEqual(await breakingFaults(released, without("amountRaw: String!"), unreleased()), [
    "Invoice.amountRaw: Field 'amountRaw' was removed from object type 'Invoice'. " +
      'Undo it, or add to CHANGELOG.md under "## Unreleased":\n' +
      "- Breaking: `Invoice.amountRaw`: Field 'amountRaw' was removed from object type 'Invoice'.",
  ]);
});

test("the line that a fault tells to add is enough", async () => {
  const sdl = without("amountRaw: String!", "UNPAID");
  const faults = await breakingFaults(released, sdl, unreleased());
  const lines = faults.map((fault) => fault.split("\n")[1]);
  assert.equal(lines.length, 2);
  assert.deepEqual(await unnamed(sdl, unreleased(...lines)), []);
});

for (const [how, lines] of [
  ["a line of its own", ["- Breaking: `Invoice.amountRaw` is gone."]],
  ["a bold word", ["**Breaking** `Invoice.amountRaw` is gone."]],
  ["a bold word in a list", ["- **Breaking**: `Invoice.amountRaw` is gone."]],
  ["the second line of an entry", ["- Breaking: what was stored is gone,", "  `Invoice.amountRaw`."]],
  ["one line with others", ["- Breaking: `Invoice.other` and `Invoice.amountRaw` are gone."]],
]) {
  test(`a removed field that is named passes: ${how}`, async () => {
    assert.deepEqual(await unnamed(without("amountRaw: String!"), unreleased(...lines)), []);
  });
}

for (const [how, changelog] of [
  ["in an older section", unreleased("## 0.1.0", "", "- Breaking: `Invoice.amountRaw`.")],
  ["in no section", "# Changelog\n\n- Breaking: `Invoice.amountRaw` is gone.\n"],
  ["in an entry that does not say Breaking", unreleased("- `Invoice.amountRaw` is gone.")],
  ["after a Breaking entry", unreleased("- Breaking: all.", "- `Invoice.amountRaw` is gone.")],
  ["without backticks", unreleased("- Breaking: Invoice.amountRaw is gone.")],
]) {
  test(`a removed field that is named ${how} fails`, async () => {
    assert.deepEqual(await unnamed(without("amountRaw: String!"), changelog), ["Invoice.amountRaw"]);
  });
}

test("a line for one path excuses no other that begins with it", async () => {
  const both = without("amountRaw: String!", "amount: Int!");
  const changelog = (path) => unreleased(`- Breaking: \`${path}\` is gone.`);
  assert.deepEqual(await unnamed(both, changelog("Invoice.amount")), ["Invoice.amountRaw"]);
  assert.deepEqual(await unnamed(both, changelog("Invoice.amountRaw")), ["Invoice.amount"]);
  assert.deepEqual(await unnamed(both, changelog("Invoice")), ["Invoice.amount", "Invoice.amountRaw"]);
});

for (const [what, from, to, path] of [
  ["a removed enum value", "UNPAID", "", "Status.UNPAID"],
  ["an added required argument", "id: ID!", "id: ID! day: Int!", "Query.invoice.day"],
  ["a removed argument", "(id: ID!)", "", "Query.invoice.id"],
  ["an added required input field", "Payment { ", "Payment { day: Int! ", "Payment.day"],
  ["an input that becomes required", "note: String", "note: String!", "Payment.note"],
  ["a field that may be null from now on", "status: Status!", "status: Status", "Invoice.status"],
  ["a field of another type", "amountRaw: String!", "amountRaw: Int!", "Invoice.amountRaw"],
  ["a removed type", /input Payment .*/, "", "Payment"],
  ["another kind of type", "input Payment", "type Payment", "Payment"],
]) {
  test(`${what} fails`, async () => {
    assert.deepEqual(await unnamed(released.replace(from, to)), [path]);
  });
}

for (const [what, from, to] of [
  ["an added nullable field", "amount: Int!", "amount: Int! day: Int"],
  ["an added optional argument", "id: ID!", "id: ID! day: Int"],
  ["an added optional input field", "Payment { ", "Payment { day: Int "],
  ["an added type", "enum Status", "type Refund { amount: Int! } enum Status"],
  ["a deprecated field", "amountRaw: String!", 'amountRaw: String! @deprecated(reason: "Gone soon.")'],
  ["another description", "enum Status", '"Where it stands." enum Status'],
]) {
  test(`${what} passes`, async () => {
    assert.deepEqual(await unnamed(released.replace(from, to)), []);
  });
}

test("another root type is named as `schema`", async () => {
  const sdl = released.replace("type Query", "schema { query: Root } type Root");
  assert.deepEqual(await unnamed(sdl), ["schema", "Query"]);
});

test("an added enum value passes, and is told as dangerous", async () => {
  const sdl = released.replace("UNPAID", "UNPAID OVERPAID");
  assert.deepEqual(await unnamed(sdl), []);
  assert.deepEqual(await dangerousChanges(released, sdl), [
    "Status.OVERPAID: Enum value 'OVERPAID' was added to enum 'Status'",
  ]);
});
