// The billing history page by Apollo Client: a normalised cache, `fetchMore`, `errorPolicy`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import { filter, firstValueFrom } from "rxjs";
import {
  AddFeeReductionDocument,
  BillingHistoryDocument,
  type BillingHistoryQueryVariables,
} from "./generated/operations.js";
import possibleTypes from "./generated/possible-types.js";
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

function apollo({ url } = server) {
  const { calls, fetch } = countedFetch();
  const client = new ApolloClient({
    link: new HttpLink({ uri: url, headers: officer, fetch }),
    cache: new InMemoryCache({
      ...possibleTypes,
      typePolicies: {
        FinanceClient: {
          fields: { billingHistory: relayStylePagination(["types", "from", "to"]) },
        },
      },
    }),
  });
  return { client, calls };
}

/** The opened page, and what the cache holds for it at any time. */
async function open(client: ApolloClient, variables: BillingHistoryQueryVariables) {
  const query = BillingHistoryDocument;
  const page = client.watchQuery({ query, variables });
  const shown = page.subscribe({});
  await firstValueFrom(page.pipe(filter(({ loading }) => !loading)));
  const cached = () => withoutTypenames(client.readQuery({ query, variables })!);
  const financeClient = () => cached().financeClient!;
  const history = () => financeClient().billingHistory!;
  const events = () => history().edges.map(({ node }) => node);
  return { page, cached, financeClient, history, events, close: () => shown.unsubscribe() };
}

test("Apollo Client: the first page has the newest events, each with its type's fields and its user", async () => {
  const { client } = apollo();
  const { cached, events, close } = await open(client, { clientId: 1001, first: 4 });
  assert.deepEqual(events(), (await wholeHistory(server.url, 1001)).slice(0, 4));
  assert.equal(events()[0]!.createdBy!.displayName, "Finance Manager");
  assert.equal(cached().viewer.displayName, "Billing Officer");
  close();
});

test("Apollo Client: further pages join the first in the cache, until each event is there once", async () => {
  const { client, calls } = apollo();
  const { page, history, events, close } = await open(client, { clientId: 1001, first: 4 });
  for (let pages = 1; history().pageInfo.hasNextPage; pages += 1) {
    assert.equal(calls.length, pages);
    assert.ok(pages < 3, "ten events, four a page");
    await page.fetchMore({ variables: { after: history().pageInfo.endCursor } });
  }
  assert.equal(events().length, history().totalCount);
  assert.deepEqual(events(), await wholeHistory(server.url, 1001));
  close();
});

test("Apollo Client: a filtered history is cached beside the whole one", async () => {
  const { client } = apollo();
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

test("Apollo Client: a refused change says all that is wrong, and changes nothing in the cache", async () => {
  const { client } = apollo();
  const { financeClient, close } = await open(client, { clientId: 1002, first: 4 });
  const before = financeClient();
  const { data } = await client.mutate({
    mutation: AddFeeReductionDocument,
    variables: { input: refused(1002) },
  });
  const payload = data!.addFeeReduction;
  assertRefused(payload);
  assert.deepEqual(financeClient(), before);
  close();
});

test("Apollo Client: a change brings the balances on the page up to date, without another request", async () => {
  const { client, calls } = apollo();
  const { financeClient, close } = await open(client, { clientId: 1002, first: 4 });
  const before = financeClient().outstandingBalance;
  const { data } = await client.mutate({
    mutation: AddFeeReductionDocument,
    variables: { input: awarded(1002) },
  });
  assert.deepEqual(data!.addFeeReduction.userErrors, []);
  assert.equal(financeClient().outstandingBalance, before - 16_000);
  assert.equal(calls.length, 2);
  close();
});

test("Apollo Client: with Sirius's users down, names alone are missing, each with its error", async () => {
  const { client } = apollo(serverWithoutUsers);
  const { data, error } = await client.query({
    query: BillingHistoryDocument,
    variables: { clientId: 1001, first: 4 },
    errorPolicy: "all",
  });
  assert.ok(CombinedGraphQLErrors.is(error));
  assert.deepEqual(
    error.errors.map(({ path, extensions }) => ({ path, code: extensions?.code })),
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
