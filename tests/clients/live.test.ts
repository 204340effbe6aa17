// A page that is told of changes: `graphql-ws` over WebSocket, `graphql-sse` over HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createClient as createSseClient, NetworkError } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { WebSocket } from "ws";
import { AddFeeReductionDocument } from "./generated/operations.js";
import { ask } from "./server/ask.js";
import { makeClient } from "./server/books.js";
import { officer } from "./server/callers.js";
import { awarded } from "./server/reductions.js";
import { pageOrigin, type Server, startServer } from "./server/start.js";

let server: Server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const { Cookie, ...token } = officer;

const subscription = (clientId: number) => ({
  query: `
    subscription Balances($clientId: Int!) {
      billingHistoryChanged(clientId: $clientId) {
        clientId
        outstandingBalance
        billingHistory(first: 1) {
          totalCount
        }
      }
    }
  `,
  variables: { clientId },
});

/** A page of that origin, with the user's cookies, as a browser sends them. */
function webSocketOf(origin: string, connectionParams: Record<string, string> = {}) {
  return createWsClient({
    url: server.url.replace("http:", "ws:"),
    webSocketImpl: class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { origin, headers: { Cookie } });
      }
    },
    connectionParams,
    retryAttempts: 0,
  });
}

function eventSource(headers: Record<string, string>) {
  return createSseClient({
    url: server.url,
    headers: { Cookie, ...headers },
    retryAttempts: 0,
  });
}

/** Seven fees of £320 less one, and half of another by the change. */
async function assertTold(events: AsyncIterableIterator<unknown>, clientId: number) {
  const told = events.next();
  // Neither protocol says when a subscription stands.
  await wait(500);
  const { addFeeReduction } = await ask(server.url, officer, AddFeeReductionDocument, {
    input: awarded(clientId),
  });
  assert.deepEqual(addFeeReduction.userErrors, []);
  const late = wait(5_000, undefined, { ref: false }).then(() => assert.fail("not told in time"));
  const { value } = await Promise.race([told, late]);
  assert.deepEqual(value, {
    data: {
      billingHistoryChanged: {
        clientId,
        outstandingBalance: 176_000,
        billingHistory: { totalCount: 12 },
      },
    },
  });
  await events.return?.();
}

test("a page is told of a change over WebSocket, with the balances after it", async () => {
  await makeClient(server.url, 1001);
  const client = webSocketOf(pageOrigin, token);
  await assertTold(client.iterate(subscription(1001)), 1001);
  await client.dispose();
});

test("a page is told of a change by server-sent events, with the balances after it", async () => {
  await makeClient(server.url, 1002);
  const client = eventSource(token);
  await assertTold(client.iterate(subscription(1002)), 1002);
  client.dispose();
});

test("a WebSocket of an unknown origin is refused", async () => {
  const client = webSocketOf("http://other.test", token);
  await assert.rejects(
    async () => client.iterate(subscription(1001)).next(),
    ({ message }: Error) => message === "Unexpected server response: 403",
  );
});

test("a WebSocket by cookie without the token is refused", async () => {
  const client = webSocketOf(pageOrigin);
  await assert.rejects(
    async () => client.iterate(subscription(1001)).next(),
    ({ code }: { code: number }) => code === 4403,
  );
});

test("server-sent events by cookie without the token are refused", async () => {
  const client = eventSource({});
  await assert.rejects(
    async () => client.iterate(subscription(1001)).next(),
    (error) => error instanceof NetworkError && error.response?.status === 403,
  );
});
