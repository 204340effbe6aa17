// Automatic persisted queries, as Apollo Client sends them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { BillingHistoryDocument } from "./generated/operations.js";
import possibleTypes from "./generated/possible-types.js";
import { makeClient } from "./server/books.js";
import { officer } from "./server/callers.js";
import { countedFetch } from "./server/counted-fetch.js";
import { type Server, startServer } from "./server/start.js";

let server: Server;
before(async () => {
  server = await startServer();
  await makeClient(server.url, 1001);
});
after(() => server?.stop());

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A client that has seen nothing yet, as after a reload of the page. */
function apollo({ useGETForHashedQueries }: { useGETForHashedQueries: boolean }) {
  const { calls, fetch } = countedFetch();
  const hashes = new PersistedQueryLink({ sha256, useGETForHashedQueries });
  const client = new ApolloClient({
    link: hashes.concat(new HttpLink({ uri: server.url, headers: officer, fetch })),
    cache: new InMemoryCache(possibleTypes),
  });
  const load = async () => {
    const { data } = await client.query({
      query: BillingHistoryDocument,
      variables: { clientId: 1001, first: 4 },
    });
    assert.equal(data!.financeClient!.billingHistory!.edges.length, 4);
  };
  /** How each request was sent, and whether it had the text of the query. */
  const sent = () =>
    calls.map(({ method, url, body }) => ({
      method,
      text: new URL(url).searchParams.has("query") || body.includes('"query"'),
    }));
  return { load, sent };
}

test("a query is sent as text once, and by its hash alone from then on", async () => {
  const first = apollo({ useGETForHashedQueries: false });
  await first.load();
  assert.deepEqual(first.sent(), [
    { method: "POST", text: false },
    { method: "POST", text: true },
  ]);
  const next = apollo({ useGETForHashedQueries: false });
  await next.load();
  assert.deepEqual(next.sent(), [{ method: "POST", text: false }]);
});

test("a hash that is known is answered by GET as well", async () => {
  await apollo({ useGETForHashedQueries: false }).load();
  const byGet = apollo({ useGETForHashedQueries: true });
  await byGet.load();
  assert.deepEqual(byGet.sent(), [{ method: "GET", text: false }]);
});

test("a text is not taken under the hash of another", async () => {
  const post = async (body: object) => {
    const response = await fetch(server.url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...officer },
      body: JSON.stringify(body),
    });
    return response.json();
  };
  const extensions = { persistedQuery: { version: 1, sha256Hash: sha256("{ viewer { id } }") } };
  const wrong = await post({ query: "{ viewer { displayName } }", extensions });
  assert.equal(wrong.errors[0].extensions.code, "BAD_USER_INPUT");
  assert.equal(wrong.data, undefined);
  const unknown = await post({ extensions });
  assert.equal(unknown.errors[0].message, "PersistedQueryNotFound");
  assert.equal(unknown.errors[0].extensions.code, "PERSISTED_QUERY_NOT_FOUND");
});
