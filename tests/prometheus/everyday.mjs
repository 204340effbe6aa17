// A good day: requests of every kind, and pages that follow an account.
import { randomBytes } from "node:crypto";
import net from "node:net";
import { call } from "./call.mjs";
import { HISTORY, PAY, REFUNDS, bearer, manager, officer, sirius } from "./callers.mjs";
import { CLIENTS } from "./clients.mjs";
import { always } from "./patience.mjs";

const WATCH = "subscription Watch { billingHistoryChanged(clientId: 1001) { outstandingBalance } }";

/** Requests of every kind that there is on a good day, mistakes of callers included. */
export function everyday(service) {
  watchEvents(service);
  watchSocket(service);
  const client = (count) => CLIENTS[count % CLIENTS.length];
  const kinds = [
    (count) => service.ask(manager, HISTORY, { clientId: client(count) }),
    () => service.ask(officer, "query Viewer { viewer { displayName roles } }"),
    (count) => service.ask(bearer(3), HISTORY, { clientId: client(count) }),
    (count) => pay(service, officer, client((count / 8) | 0), count),
    () => service.ask(officer, "{ viewer { id } }"),
    () => service.get(`/graphql?query=${encodeURIComponent("query ByGet { viewer { id } }")}`, officer),
    () => service.ask(bearer(7), REFUNDS),
    (count) => mistakes[((count / 8) | 0) % mistakes.length](),
  ];
  const mistakes = [
    () => service.ask(officer, "{ viewer { "),
    () => service.ask({}, "{ viewer { id } }"),
    () => service.ask({ Cookie: "sirius=nobody" }, "{ viewer { id } }"),
    () =>
      service.ask({ Cookie: "sirius=officer" }, PAY, {
        input: { clientId: 1001, paymentMethod: "DEMANDED" },
      }),
    () => service.ask(bearer(3), HISTORY, { clientId: 1 }),
    () => service.ask(sirius, "{ viewer { service } }"),
  ];
  return always(120, (count) => kinds[count % kinds.length](count));
}

/** Changes how a client pays, which is told to the sink and to who watches the client. */
function pay(service, caller, clientId, count) {
  const paymentMethod = ["DIRECT_DEBIT", "DEMANDED"][((count / 32) | 0) % 2];
  return service.ask(caller, PAY, { input: { clientId, paymentMethod } });
}

/** Watches a client by server-sent events; begins again when they end. */
function watchEvents(service) {
  const headers = { ...officer, Accept: "text/event-stream", "Content-Type": "application/json" };
  const body = JSON.stringify({ query: WATCH });
  always(
    1000,
    () => call(`${service.origin}/graphql`, { method: "POST", headers, body, onData: () => {} }),
    1,
  );
}

/** The same over a WebSocket, by hand: Node.js 20 has no client of its own. */
function watchSocket(service) {
  const text = (message) => {
    // One masked frame of less than 64 KiB.
    const data = Buffer.from(JSON.stringify(message));
    const mask = randomBytes(4);
    const head = Buffer.from([0x81, 0x80 | 126, data.length >> 8, data.length & 255, ...mask]);
    return Buffer.concat([head, data.map((byte, place) => byte ^ mask[place % 4])]);
  };
  const once = () =>
    new Promise((resolve) => {
      const socket = net.connect(service.port, "127.0.0.1", () => {
        const head = [
          "GET /graphql HTTP/1.1",
          `Host: 127.0.0.1:${service.port}`,
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Sec-WebSocket-Version: 13",
          `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
          "Sec-WebSocket-Protocol: graphql-transport-ws",
          `Cookie: ${officer.Cookie}`,
          "",
          "",
        ];
        socket.write(head.join("\r\n"));
      });
      socket.once("data", () => {
        socket.write(text({ type: "connection_init", payload: { "X-XSRF-TOKEN": "x" } }));
        socket.write(text({ type: "subscribe", id: "1", payload: { query: WATCH } }));
      });
      const ping = setInterval(() => socket.write(text({ type: "ping" })), 10_000);
      socket.on("data", () => {}).on("error", () => {});
      socket.on("close", () => (clearInterval(ping), resolve()));
    });
  always(1000, once, 1);
}
