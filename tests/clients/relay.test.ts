// The billing history page by Relay: compiled operations, `@connection`, `@refetchable`, `@catch`.
import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import {
  commitMutation,
  createOperationDescriptor,
  Environment,
  fetchQuery,
  getRequest,
  getSingularSelector,
  Network,
  RecordSource,
  type Result,
  Store,
} from "relay-runtime";
import addFeeReduction, {
  type AddFeeReductionInput,
  type BillingHistoryAddFeeReductionMutation,
} from "./relay/__generated__/BillingHistoryAddFeeReductionMutation.graphql";
import nextPage, {
  type BillingHistoryNextPageQuery,
} from "./relay/__generated__/BillingHistoryNextPageQuery.graphql";
import firstPage, {
  type BillingHistoryQuery,
} from "./relay/__generated__/BillingHistoryQuery.graphql";
import clientFragment, {
  type BillingHistory_client$data,
} from "./relay/__generated__/BillingHistory_client.graphql";
import { makeClient, wholeHistory } from "./server/books.js";
import { officer } from "./server/callers.js";
import { countedFetch } from "./server/counted-fetch.js";
import { assertRefused, awarded, refused } from "./server/reductions.js";
import { type Server, startServer } from "./server/start.js";

let server: Server;
let serverWithoutUsers: Server;
before(async () => {
  server = await startServer();
  serverWithoutUsers = await startServer({ userList: "down" });
  await makeClient(server.url, 1001);
  await makeClient(server.url, 1002);
  await makeClient(serverWithoutUsers.url, 1001);
});
const complaints = mock.method(console, "error", () => {});
after(() => {
  server?.stop();
  serverWithoutUsers?.stop();
});

function relay({ url } = server) {
  const { calls, fetch } = countedFetch();
  const environment = new Environment({
    network: Network.create(async ({ text }, variables) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...officer },
        body: JSON.stringify({ query: text, variables }),
      });
      return response.json();
    }),
    store: new Store(new RecordSource()),
    // Relay wants ids that are unique among all types. A user's is a number, and a viewer's the
    // same one.
    getDataID: ({ id }, type) => (type === "User" || type === "Viewer" ? `${type}:${id}` : id),
  });
  return { environment, calls };
}

/** The opened page, and what the store holds for it at any time. */
async function open(environment: Environment, variables: BillingHistoryQuery["variables"]) {
  const operation = createOperationDescriptor(getRequest(firstPage), variables);
  const { dispose } = environment.retain(operation);
  await fetchQuery<BillingHistoryQuery>(environment, firstPage, variables).toPromise();
  const query = () => environment.lookup(operation.fragment).data as BillingHistoryQuery["response"];
  const financeClient = () => {
    const selector = getSingularSelector(clientFragment, query().financeClient);
    const { data, isMissingData } = environment.lookup(selector!);
    assert.equal(isMissingData, false);
    return data as unknown as BillingHistory_client$data;
  };
  const history = () => financeClient().billingHistory!;
  const events = () => history().edges.map(({ node }) => node);
  return { query, financeClient, history, events, close: dispose };
}

type Name = { readonly displayName: string } | null | undefined;
type Shown = {
  readonly id: string;
  readonly type: string;
  readonly date: string;
  readonly outstandingBalance: number;
  readonly creditBalance: number;
  readonly createdBy: Name | Result<Name, unknown>;
};

/** An event as Relay gives it, with a name or what is wrong with it, or as the server does. */
function inShort({ id, type, date, outstandingBalance, creditBalance, createdBy }: Shown) {
  const name = createdBy && "ok" in createdBy ? createdBy.ok && createdBy.value : createdBy;
  return { id, type, date, outstandingBalance, creditBalance, name: name && name.displayName };
}

function change(environment: Environment, input: AddFeeReductionInput) {
  return new Promise<BillingHistoryAddFeeReductionMutation["response"]["addFeeReduction"]>(
    (onPayload, onError) => {
      commitMutation<BillingHistoryAddFeeReductionMutation>(environment, {
        mutation: addFeeReduction,
        variables: { input },
        onCompleted: (answer) => onPayload(answer.addFeeReduction),
        onError,
      });
    },
  );
}

test("Relay: the first page has the newest events, each with its type's fields and its user", async () => {
  const { environment } = relay();
  const { query, events, close } = await open(environment, { clientId: 1001, first: 4 });
  const expected = (await wholeHistory(server.url, 1001)).slice(0, 4);
  assert.deepEqual(events().map(inShort), expected.map(inShort));
  const [applied, memo, award] = events();
  assert.equal(applied!.breakdown![0]!.invoice!.reference, "S2000001/20");
  assert.equal(memo!.adjustedInvoice!.reference, "S2000001/18");
  assert.equal(award!.feeReductionType, "EXEMPTION");
  assert.equal(query().viewer.displayName, "Billing Officer");
  assert.deepEqual(complaints.mock.calls.map((call) => call.arguments), []);
  close();
});

test("Relay: further pages join the first in the store, until each event is there once", async () => {
  const { environment, calls } = relay();
  const { financeClient, history, events, close } = await open(environment, {
    clientId: 1001,
    first: 4,
  });
  for (let pages = 1; history().pageInfo.hasNextPage; pages += 1) {
    assert.equal(calls.length, pages);
    assert.ok(pages < 3, "ten events, four a page");
    const { id } = financeClient();
    const after = history().pageInfo.endCursor;
    await fetchQuery<BillingHistoryNextPageQuery>(environment, nextPage, {
      id,
      first: 4,
      after,
    }).toPromise();
  }
  assert.equal(events().length, history().totalCount);
  assert.deepEqual(events().map(inShort), (await wholeHistory(server.url, 1001)).map(inShort));
  close();
});

test("Relay: a filtered history is stored beside the whole one", async () => {
  const { environment } = relay();
  const page = { clientId: 1001, first: 4 };
  const whole = await open(environment, page);
  const awards = await open(environment, { ...page, types: ["FEE_REDUCTION_AWARDED"] });
  const past = await open(environment, { ...page, from: "2019-01-01", to: "2020-01-01" });
  assert.equal(awards.history().totalCount, 1);
  assert.deepEqual(awards.events().map(({ type }) => type), ["FEE_REDUCTION_AWARDED"]);
  assert.deepEqual(past.events(), []);
  assert.equal(whole.events().length, 4);
  for (const { close } of [whole, awards, past]) close();
});

test("Relay: a refused change says all that is wrong, and changes nothing in the store", async () => {
  const { environment } = relay();
  const { financeClient, close } = await open(environment, { clientId: 1002, first: 4 });
  const before = financeClient();
  const payload = await change(environment, refused(1002));
  assertRefused(payload);
  assert.deepEqual(financeClient(), before);
  close();
});

test("Relay: a change brings the balances on the page up to date, without another request", async () => {
  const { environment, calls } = relay();
  const { financeClient, close } = await open(environment, { clientId: 1002, first: 4 });
  const before = financeClient().outstandingBalance;
  const { userErrors } = await change(environment, awarded(1002));
  assert.deepEqual(userErrors, []);
  assert.equal(financeClient().outstandingBalance, before - 16_000);
  assert.equal(calls.length, 2);
  close();
});

test("Relay: with Sirius's users down, names alone are missing, each with its error", async () => {
  const { environment } = relay(serverWithoutUsers);
  const { financeClient, history, events, close } = await open(environment, {
    clientId: 1001,
    first: 4,
  });
  assert.equal(financeClient().outstandingBalance, 192_000);
  assert.equal(history().totalCount, 10);
  assert.equal(events().length, 4);
  for (const { createdBy } of events()) {
    assert.deepEqual(createdBy, {
      ok: false,
      errors: [{ extensions: { code: "SIRIUS_UNAVAILABLE" } }],
    });
  }
  close();
});
