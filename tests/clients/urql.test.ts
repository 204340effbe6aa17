// The billing history page by urql: Graphcache with the schema, `relayPagination`, partial results.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import {
  AddFeeReductionDocument,
  BillingHistoryDocument,
  type BillingHistoryQueryVariables,
} from "./generated/operations.js";
import schema from "./generated/schema.json";
import { makeClient, wholeHistory } from "./server/books.js";
import { officer } from "./server/callers.js";
import { countedFetch } from "./server/counted-fetch.js";
import { assertRefused, awarded, refused } from "./server/reductions.js";
import { type Server, startServer } from "./server/start.js";
import { withoutTypenames } from "./server/typenames.js";

let server: Server;
let serverWithoutUsers: Server;
before(async () => {
  server = await startServer();
  serverWithoutUsers = await startServer({ userList: "down" });
  await makeClient(server.url, 1001);
  await makeClient(server.url, 1002);
  await makeClient(serverWithoutUsers.url, 1001);
});
after(() => {
  server?.stop();
  serverWithoutUsers?.stop();
});

function urql({ url } = server) {
  const { calls, mediaTypes, fetch } = countedFetch();
  const complaints: string[] = [];
  const cache = cacheExchange({
    schema,
    resolvers: { FinanceClient: { billingHistory: relayPagination() } },
    // Parts of a transaction have no identity of their own: they stay within it.
    keys: { TransactionAllocation: () => null },
    logger: (severity, message) => severity === "debug" || complaints.push(message),
  });
  const client = new Client({
    url,
    exchanges: [cache, fetchExchange],
    fetch,
    fetchOptions: { headers: officer },
  });
  return { client, calls, mediaTypes, complaints };
}

/** The opened page, and what the cache holds for it at any time. */
async function open(client: Client, variables: BillingHistoryQueryVariables) {
  const page = client.query(BillingHistoryDocument, variables);
  const shown = page.subscribe(() => {});
  const { error } = await page;
  assert.equal(error, undefined);
  const cached = () =>
    withoutTypenames(client.readQuery(BillingHistoryDocument, variables)!.data!);
  const financeClient = () => cached().financeClient!;
  const history = () => financeClient().billingHistory!;
  const events = () => history().edges.map(({ node }) => node);
  return { cached, financeClient, history, events, close: shown.unsubscribe };
}

test("urql: the first page has the newest events, each with its type's fields and its user", async () => {
  const { client, complaints } = urql();
  const { cached, events, close } = await open(client, { clientId: 1001, first: 4 });
  assert.deepEqual(events(), (await wholeHistory(server.url, 1001)).slice(0, 4));
  assert.equal(events()[0]!.createdBy!.displayName, "Finance Manager");
  assert.equal(cached().viewer.displayName, "Billing Officer");
  assert.deepEqual(complaints, []);
  close();
});

test("urql: a query is answered as JSON, though a stream of events is acceptable too", async () => {
  const { client, mediaTypes } = urql();
  await client.query(BillingHistoryDocument, { clientId: 1001, first: 4 });
  assert.deepEqual(mediaTypes, ["application/graphql-response+json; charset=utf-8"]);
});

test("urql: further pages join the first in the cache, until each event is there once", async () => {
  const { client, calls } = urql();
  const { history, events, close } = await open(client, { clientId: 1001, first: 4 });
  for (let pages = 1; history().pageInfo.hasNextPage; pages += 1) {
    assert.equal(calls.length, pages);
    assert.ok(pages < 3, "ten events, four a page");
    const after = history().pageInfo.endCursor;
    await client.query(BillingHistoryDocument, { clientId: 1001, first: 4, after });
  }
  assert.equal(events().length, history().totalCount);
  assert.deepEqual(events(), await wholeHistory(server.url, 1001));
  close();
});

test("urql: a filtered history is cached beside the whole one", async () => {
  const { client } = urql();
  const whole = await open(client, { clientId: 1001, first: 4 });
  const awards = await open(client, { clientId: 1001, first: 4, types: ["FEE_REDUCTION_AWARDED"] });
  const past = await open(client, {
    clientId: 1001,
    first: 4,
    from: "2019-01-01",
    to: "2020-01-01",
  });
  assert.equal(awards.history().totalCount, 1);
  assert.deepEqual(awards.events().map(({ type }) => type), ["FEE_REDUCTION_AWARDED"]);
  assert.deepEqual(past.events(), []);
  assert.equal(whole.events().length, 4);
  for (const { close } of [whole, awards, past]) close();
});

test("urql: a refused change says all that is wrong, and changes nothing in the cache", async () => {
  const { client } = urql();
  const { financeClient, close } = await open(client, { clientId: 1002, first: 4 });
  const before = financeClient();
  const { data } = await client.mutation(AddFeeReductionDocument, { input: refused(1002) });
  const payload = data!.addFeeReduction;
  assertRefused(payload);
  assert.deepEqual(financeClient(), before);
  close();
});

test("urql: a change brings the balances on the page up to date, without another request", async () => {
  const { client, calls } = urql();
  const { financeClient, close } = await open(client, { clientId: 1002, first: 4 });
  const before = financeClient().outstandingBalance;
  const { data } = await client.mutation(AddFeeReductionDocument, { input: awarded(1002) });
  assert.deepEqual(data!.addFeeReduction.userErrors, []);
  assert.equal(financeClient().outstandingBalance, before - 16_000);
  assert.equal(calls.length, 2);
  close();
});

test("urql: with Sirius's users down, names alone are missing, each with its error", async () => {
  const { client } = urql(serverWithoutUsers);
  const { data, error } = await client.query(BillingHistoryDocument, { clientId: 1001, first: 4 });
  assert.deepEqual(
    error!.graphQLErrors.map(({ path, extensions }) => ({ path, code: extensions.code })),
    [0, 1, 2, 3].map((index) => ({
      path: ["financeClient", "billingHistory", "edges", index, "node", "createdBy"],
      code: "SIRIUS_UNAVAILABLE",
    })),
  );
  const { outstandingBalance, billingHistory } = data!.financeClient!;
  assert.equal(outstandingBalance, 192_000);
  assert.equal(billingHistory!.totalCount, 10);
  for (const { node } of billingHistory!.edges) assert.equal(node.createdBy, null);
});
