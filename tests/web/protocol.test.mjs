// Every public audit of GraphQL over HTTP, MUST and SHOULD alike; none is excused.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serverAudits } from "graphql-http";
import { startDemo } from "./demo.mjs";

let demo;
before(async () => {
  demo = await startDemo();
});
after(() => demo?.stop());

// The audits are listed before the demo has its address, so the origin is put in at each call.
const fetchFn = (url, options = {}) => {
  const headers = new Headers(options.headers ?? {});
  headers.set("cookie", "sirius=demo");
  return fetch(String(url).replace("http://demo/graphql", demo.url), { ...options, headers });
};

for (const audit of serverAudits({ url: "http://demo/graphql", fetchFn })) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    assert.equal(result.status, "ok", result.reason);
  });
}
