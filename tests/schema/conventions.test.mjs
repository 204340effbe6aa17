// Each rule is seen to fail: a tiny schema that breaks it, and where. One schema keeps them all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildSchema } from "graphql";
import { conventionFaults, rules } from "./conventions.mjs";

const broken = {
  argumentsAreCamelCase: [
    "type Query { invoice(Client_id: Int): Int } directive @cost(Weight: Int) on FIELD",
    ["Query.invoice.Client_id", "@cost.Weight"],
  ],
  connectionsAreComplete: [
    `type InvoiceConnection { edges: [InvoiceEdge]! nodes: [Refund!]! pageInfo: PageInfo }
    type InvoiceEdge { node: Int } type Refund { id: ID! } type PageInfo { hasNextPage: Boolean! }`,
    [
      "InvoiceConnection.edges",
      "InvoiceConnection.nodes",
      "InvoiceConnection.pageInfo",
      "InvoiceConnection.totalCount",
    ],
  ],
  connectionsMayFailAlone: [
    "type Query { invoices: InvoiceConnection! } type InvoiceConnection { totalCount: Int! }",
    ["Query.invoices"],
  ],
  connectionsTakeAPage: [
    `type Query { invoices(first: Int!, after: ID, last: Int): InvoiceConnection }
    type InvoiceConnection { totalCount: Int! }`,
    ["Query.invoices.first", "Query.invoices.after", "Query.invoices.before"],
  ],
  daysAreDate: [
    "type Invoice { raisedDate: DateTime! } input Made { endDate: String } scalar DateTime",
    ["Invoice.raisedDate", "Made.endDate"],
  ],
  deprecationsSayWhy: [
    `type Invoice { amount: Int @deprecated received: Int @deprecated(reason: " ") }
    enum Role { USER @deprecated }`,
    ["Invoice.amount", "Invoice.received", "Role.USER"],
  ],
  descriptionsEndInAFullStop: [
    `"An invoice" type Invoice { "Is it paid?" paid: Boolean "What is owed." owed: Int }`,
    ["Invoice", "Invoice.paid"],
  ],
  edgesAreComplete: [
    "type InvoiceEdge { cursor: String node: Refund! } type Refund { id: ID! }",
    ["InvoiceEdge.cursor", "InvoiceEdge.node"],
  ],
  enumValuesAreUpperSnakeCase: [
    "enum Role { FINANCE_USER FinanceManager finance_user FINANCE__USER }",
    ["Role.FinanceManager", "Role.finance_user", "Role.FINANCE__USER"],
  ],
  everythingIsDescribed: [
    `type Query { "All." invoice(id: ID!): Int } input Made { id: ID! } enum Role { USER }
    interface Node { id: ID! } union Any = Query scalar Date directive @cost(weight: Int) on FIELD`,
    [
      "Query",
      "Made",
      "Role",
      "Node",
      "Any",
      "Date",
      "Node.id",
      "Made.id",
      "Query.invoice.id",
      "@cost.weight",
      "Role.USER",
      "@cost",
    ],
  ],
  fieldsAreCamelCase: [
    "type Invoice { raised_date: Int Amount: Int } input Made { end_date: Int }",
    ["Invoice.raised_date", "Invoice.Amount", "Made.end_date"],
  ],
  identitiesAreNodes: [
    `type Invoice { id: ID! } type Refund implements Node { id: ID! } interface Node { id: ID! }
    type Paid implements BillingEvent { id: ID! } interface BillingEvent { id: ID! }`,
    ["Invoice"],
  ],
  idsAreOpaque: [
    "type Invoice { id: Int! } interface Node { id: ID }",
    ["Invoice.id", "Node.id"],
  ],
  inputTypesAloneEndInInput: [
    "input Payment { amount: Int } type MadeInput { amount: Int }",
    ["Payment", "MadeInput"],
  ],
  instantsAreDateTime: [
    "type Invoice { createdAt: Date! } input Made { decidedAt: String } scalar Date",
    ["Invoice.createdAt", "Made.decidedAt"],
  ],
  listItemsAreNonNull: [
    `type Query { invoices(status: [Int]): [Int]! grid: [[Int]!]! }
    input Made { parts: [Int] } directive @cost(of: [Int]) on FIELD`,
    ["Query.invoices", "Query.grid", "Made.parts", "Query.invoices.status", "@cost.of"],
  ],
  listsAreNonNull: ["type Query { invoices(status: [Int!]): [Int!] }", ["Query.invoices"]],
  moneyIsPence: [
    `type Query { owes(amount: Float): Int } input Made { creditBalance: String! }
    type Invoice { amount: Int! outstandingBalance: Float dateReceived: String totalCount: Int }`,
    ["Invoice.amount", "Invoice.outstandingBalance", "Made.creditBalance", "Query.owes.amount"],
  ],
  mutationsCanBeSentAgain: [
    `type Mutation { make(input: MakeInput!): Int pay(input: PayInput!): Int }
    input MakeInput { amount: Int } input PayInput { idempotencyKey: Int }`,
    ["MakeInput", "PayInput"],
  ],
  mutationsReturnTheirPayload: [
    `type Mutation { make: MakePayload pay: MakePayload! } type MakePayload { a: Int }`,
    ["Mutation.make", "Mutation.pay"],
  ],
  mutationsTakeTheirInputAlone: [
    `type Mutation {
      make(input: MakeInput): Int
      pay(input: MakeInput!): Int
      refund(input: RefundInput!, clientId: Int): Int
      cancel: Int
      end(id: ID!): Int
    }
    input MakeInput { a: Int } input RefundInput { a: Int }`,
    ["make", "pay", "refund", "cancel", "end"].map((name) => `Mutation.${name}`),
  ],
  nothingIsFloat: [
    "type Invoice { share(of: Float): [Float!]! } input Made { rate: Float! }",
    ["Invoice.share", "Made.rate", "Invoice.share.of"],
  ],
  pageInfoIsThatOfRelay: [
    "type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean startCursor: String }",
    ["PageInfo.hasPreviousPage", "PageInfo.endCursor"],
  ],
  payloadsGiveTheClient: [
    "type Mutation { make: MakePayload! } type MakePayload { client: Int }",
    ["MakePayload"],
  ],
  payloadsTellWhatIsWrong: [
    `type Mutation { make: MakePayload! pay: PayPayload! } type MakePayload { a: Int }
    type PayPayload { userErrors: [UserError!] } type UserError { message: String! }`,
    ["MakePayload", "PayPayload"],
  ],
  schemaIsValid: [
    "type Query implements Node { a: Int } interface Node { id: ID! }",
    ["schema"],
  ],
  storedWordsAreStrings: [
    "type Invoice { feeTypeRaw: String statusRaw: Int! typeRaw: String! }",
    ["Invoice.feeTypeRaw", "Invoice.statusRaw"],
  ],
  typesArePascalCase: ["type invoice { a: Int } enum fee_type { A }", ["invoice", "fee_type"]],
  unknownHasItsStoredWord: [
    `type Invoice implements Event { feeType: FeeType! type: FeeType! role: Role! }
    type Part { feeType: FeeType! feeTypeRaw: String! types: [FeeType!]! }
    interface Event { type: FeeType! } enum FeeType { AD UNKNOWN } enum Role { USER }`,
    ["Invoice.feeType", "Part.types", "Event.type"],
  ],
  whatPayloadsGiveIsNullable: [
    `type Mutation { make: MakePayload! } type MakePayload { invoice: Invoice! results: [Int!]! }
    type Invoice { a: Int }`,
    ["MakePayload.invoice"],
  ],
  whatSiriusKnowsIsNullable: [
    `type Invoice { createdBy: User! decidedBy: User readers: [User!]! }
    type Viewer { displayName: String! } type User { displayName: String! }`,
    ["Invoice.createdBy", "Invoice.readers", "Viewer.displayName"],
  ],
};

test("every rule has a schema that breaks it", () => {
  assert.deepEqual(Object.keys(broken).sort(), rules.map(([rule]) => rule).sort());
});

for (const [rule, find] of rules) {
  test(`${rule}: a schema that breaks it is found out`, () => {
    const [sdl, where] = broken[rule];
    const found = [...find(buildSchema(sdl))].map(([at]) => at);
    assert.deepEqual(found.sort(), [...where].sort());
  });
}

const kept = `
"What can be asked." type Query {
  "An object." node("Its id." id: ID!): Node
  "The invoices." invoices(
    "So many." first: Int, "Later ones." after: String, "So many." last: Int,
    "Earlier ones." before: String, "Of these alone." feeTypes: [FeeType!]
  ): InvoiceConnection
}
"What can be changed." type Mutation {
  "Makes one." addInvoice("The invoice." input: AddInvoiceInput!): AddInvoicePayload!
}
"An invoice to be made." input AddInvoiceInput {
  "What is charged." amount: Pence!
  "A key of its own." idempotencyKey: String
  "Its parts." parts: [Pence!]
}
"A new invoice." type AddInvoicePayload {
  "The client." financeClient: FinanceClient
  "The invoice." invoice: Invoice
  "What is wrong." userErrors: [UserError!]!
}
"A fault." type UserError { "For people." message: String! }
"With an identity." interface Node { "Opaque." id: ID! }
"A client." type FinanceClient implements Node { "Opaque." id: ID! }
"A fee." type Invoice implements Node {
  "Opaque." id: ID!
  "Charged." amount: Pence!
  "The parts." parts: [Pence!]!
  "What for." feeType: FeeType!
  "As stored." feeTypeRaw: String!
  "The day." raisedDate: Date
  "When." createdAt: DateTime!
  "Who." createdBy: User
  "Old." total: Pence @deprecated(reason: "Read amount.")
}
"A page." type InvoiceConnection {
  "With cursors." edges: [InvoiceEdge!]!
  "Without." nodes: [Invoice!]!
  "Where it stands." pageInfo: PageInfo!
  "All." totalCount: Int!
}
"An item." type InvoiceEdge { "Where." cursor: String! "The item." node: Invoice! }
"Where a page stands." type PageInfo {
  "More after." hasNextPage: Boolean!
  "More before." hasPreviousPage: Boolean!
  "The first." startCursor: String
  "The last." endCursor: String
}
"Of Sirius." type User { "To show." displayName: String! }
"Kind of fee." enum FeeType { "Assessment." AD "Another word." UNKNOWN }
"A day." scalar Date
"An instant." scalar DateTime
"Money." scalar Pence
`;

test("a schema that keeps every rule has no faults", () => {
  assert.deepEqual(conventionFaults(kept), []);
});

test("the directives of the specification need no words of ours", () => {
  const printed = "directive @skip(if: Boolean!) on FIELD";
  assert.deepEqual(conventionFaults(`${kept}\n${printed}`), []);
});

const float = kept.replace('"For people."', '"A share." share: Float "For people."');
const excuse = { rule: "nothingIsFloat", at: "UserError.share", because: "" };

test("a fault says where, what and by which rule", () => {
  assert.deepEqual(conventionFaults(float), [
    "UserError.share is Float, but no number here is a Float (nothingIsFloat)",
  ]);
});

test("an excuse excuses its rule at its place alone", () => {
  assert.deepEqual(conventionFaults(float, [excuse]), []);
  for (const other of [{ at: "UserError" }, { rule: "moneyIsPence" }]) {
    assert.equal(conventionFaults(float, [{ ...excuse, ...other }]).length, 2);
  }
});

test("an excuse that excuses nothing is a fault", () => {
  assert.deepEqual(conventionFaults(kept, [excuse]), [
    "UserError.share is excused, but breaks no rule (nothingIsFloat)",
  ]);
});
