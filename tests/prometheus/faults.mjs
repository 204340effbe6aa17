// Faults that the service goes on through.
import { join } from "node:path";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { MUCH, bearer } from "./callers.mjs";
import { LARGE } from "./clients.mjs";
import { always } from "./patience.mjs";
import { run } from "./processes.mjs";
import { bin } from "./programs.mjs";

/** They do not get into each other's way: all at once. */
export async function faults(scene) {
  const all = [
    muchAsked,
    wrongSecret,
    eventsRefused,
    redisGone,
    queriesCut,
    listenCut,
    idleConnections,
    largeAnswers,
  ];
  await Promise.all(all.map((fault) => fault(scene)));
}

function muchAsked({ service, alerts }) {
  return alerts.around(
    ["FinanceRateLimited"],
    "one caller asks 1,000 times in one request, again and again",
    () => always(1000, () => service.ask(bearer(60), "", {}, MUCH), 1),
    "the caller asks no more",
    (stop) => stop(),
  );
}

function wrongSecret({ service, alerts }) {
  const token = () => bearer(3, [], "another secret, of more than 32 bytes.");
  return alerts.around(
    ["FinanceTokensRefused"],
    "a service signs its tokens with another secret",
    () => always(150, () => service.ask(token(), "{ viewer { id } }")),
    "it signs as agreed",
    (stop) => stop(),
  );
}

/** Some of the events are refused for good, others for now; and those that wait look as if they were old. */
function eventsRefused({ alerts, sink, primary }) {
  return alerts.around(
    ["FinanceEventsPutOff", "FinanceEventsParked", "FinanceEventsWait"],
    "the sink answers 422 to one client's events and 503 to the others', one of which is an hour old",
    async () => {
      sink.refuses = (clientId) => (clientId === 1004 ? 422 : 503);
      await sleep(4000);
      await primary.sql(`UPDATE supervision_finance.outgoing_event
        SET created_at = created_at - interval '1 hour' WHERE delivered_at IS NULL AND parked_at IS NULL`);
    },
    "the sink takes all, `finance-api events resend --all`",
    async () => {
      sink.refuses = undefined;
      const env = { DATABASE_URL: primary.url };
      await run("events", join(bin, "finance-api"), ["events", "list"], { env });
      await run("events", join(bin, "finance-api"), ["events", "resend", "--all"], { env });
    },
  );
}

function redisGone({ alerts, redis }) {
  return alerts.around(
    ["FinanceSharedTierFails"],
    "Redis is gone",
    () => redis.stop(),
    "Redis is back",
    () => redis.start(),
  );
}

function queriesCut({ alerts, toReplica }) {
  return alerts.around(
    ["FinanceReadsFromPrimary"],
    "the replica loses the connection of each query",
    () => toReplica.cut((data) => data.includes('"finance_client"')),
    "it keeps them",
    () => toReplica.mend(),
  );
}

function listenCut({ alerts, toListen }) {
  return alerts.around(
    ["FinanceLiveNotHeard"],
    "the connection of LISTEN is lost, and each that is made anew",
    () => toListen.cut(() => true),
    "the next one is kept",
    () => toListen.mend(),
  );
}

function idleConnections({ service, prometheus, alerts }) {
  return alerts.around(
    ["FinanceOpenFiles"],
    "connections that say nothing",
    () => openConnections(service, prometheus),
    "they are closed",
    (close) => close(),
  );
}

function largeAnswers({ service, alerts, primary }) {
  return alerts.around(
    ["FinanceMemory"],
    "answers of 60 MB to eleven callers who hardly read",
    () => hoardAnswers(service, primary),
    "they are gone",
    (drop) => drop(),
  );
}

/** Connections that say nothing, nine tenths of the files that the service may have open. */
async function openConnections(service, prometheus) {
  const [{ value }] = await prometheus.query("process_max_fds - process_open_fds");
  const count = Number(value[1]) - 55;
  const sockets = Array.from({ length: count }, () =>
    net.connect(service.port, "127.0.0.1").on("error", () => {}),
  );
  return () => sockets.forEach((it) => it.destroy());
}

/** Large answers, to callers who hardly read them: a service holds them meanwhile. */
async function hoardAnswers(service, primary) {
  await primary.sql(`UPDATE supervision_finance.finance_client SET sop_number = repeat('x', 20000000)
    WHERE client_id = ${LARGE}`);
  const query = `query Large { financeClient(clientId: ${LARGE}) { a: sopNumber b: sopNumber c: sopNumber } }`;
  const body = JSON.stringify({ query });
  const sockets = [];
  for (let count = 0; count < 11; count++) {
    const head = ["POST /graphql HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"];
    head.push(`Authorization: ${bearer(3).Authorization}`, `Content-Length: ${body.length}`, "", body);
    const socket = net.connect(service.port, "127.0.0.1").on("error", () => {});
    socket.write(head.join("\r\n"));
    await new Promise((resolve) => socket.once("readable", resolve));
    sockets.push(socket);
  }
  // A caller who reads nothing at all for half a minute is given up.
  const reading = setInterval(() => sockets.forEach((socket) => socket.read(1024)), 5000);
  return () => {
    clearInterval(reading);
    sockets.forEach((socket) => socket.destroy());
  };
}
