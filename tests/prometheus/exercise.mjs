// Sees every panel of docs/operations/dashboard.json have data, and every alert of docs/operations/alerts.yaml
// fire and go away again: against the built service, a PostgreSQL with a streaming replica, a Redis and a
// Prometheus, all of its own, on free ports and in a folder that is removed at the end.
//
//   node tests/prometheus/exercise.mjs        # BIN: the folder of finance-api and migration
//
// The rules are taken as they are but for their durations: a minute of `for:`, of a range or of an offset is
// a second here, and Prometheus scrapes and evaluates each second. Thresholds stay; what they wait for is
// brought about by settings of the service (service.mjs), or by rows and lists that say they are old.
//
// Wants Node.js 20, and Debian's prometheus, postgresql and redis-server.
// First: it hears what fails in the others.
import { end, fail, freePort } from "./processes.mjs";
import { Alerts, checkSilence } from "./alerts.mjs";
import { makeClients } from "./clients.mjs";
import { checkLine, checkRunbook, checkTable } from "./documents.mjs";
import { everyday } from "./everyday.mjs";
import { faults } from "./faults.mjs";
import { lockedTable, partnersAway, postgresStopped, tableGone } from "./outages.mjs";
import { checkPanels } from "./panels.mjs";
import { until } from "./patience.mjs";
import { startPostgres } from "./postgres.mjs";
import { bin, root } from "./programs.mjs";
import { Prometheus } from "./prometheus.mjs";
import { startProxy } from "./proxy.mjs";
import { Redis } from "./redis.mjs";
import { missing, say } from "./report.mjs";
import { Service } from "./service.mjs";
import { startSink, startSirius } from "./stand-ins.mjs";
import { killed, restarts } from "./starts.mjs";

/** All that takes part. */
async function setScene() {
  say(`the programs of ${bin.startsWith(root) ? bin.slice(root.length) : "BIN"}`);
  const { primary, replica } = await startPostgres();
  const [standIn, sink] = [await startSirius(), await startSink()];
  const [toReplica, toListen] = [await startProxy(replica.port), await startProxy(primary.port)];
  const redis = new Redis();
  await redis.start();
  const [port, metricsPort, prometheusPort] = [await freePort(), await freePort(), await freePort()];
  const partners = { primary, toReplica, toListen, sirius: standIn, sink, redis };
  const service = new Service({ port, metricsPort, ...partners });
  await service.start();
  await makeClients(service);
  const prometheus = new Prometheus(prometheusPort, `127.0.0.1:${metricsPort}`);
  await prometheus.start();
  const alerts = new Alerts(prometheus);
  return { service, prometheus, alerts, primary, replica, toReplica, toListen, standIn, sink, redis };
}

/** Nothing fires, every panel has data, and what is written is so. Gives the number of panels. */
async function goodDay({ service, prometheus, alerts }) {
  await checkRunbook(prometheus);
  everyday(service);
  await until(
    "the first scrapes",
    async () => Number((await prometheus.query("sum(finance_requests_total)"))[0]?.value[1]) > 50,
  );
  // Before its first scrape Prometheus knows of no instance.
  await alerts.calm();
  await checkSilence(prometheus, 20);
  const panels = await checkPanels(prometheus);
  await checkTable(service);
  await checkLine();
  return panels;
}

async function main() {
  const scene = await setScene();
  const { prometheus, alerts } = scene;
  const names = (await prometheus.rules()).map((rule) => rule.name);
  const panels = await goodDay(scene);
  await faults(scene);
  await lockedTable(scene);
  await alerts.calm();
  await partnersAway(scene);
  await alerts.calm();
  await tableGone(scene);
  await postgresStopped(scene);
  await killed(scene);
  await restarts(scene);

  for (const name of names)
    if (!alerts.seen.has(name)) missing.push(`alert ${name} was not seen to fire and go`);
  const still = (await prometheus.firing()).map(({ labels }) => labels.alertname);
  if (still.length > 0) missing.push(`still firing at the end: ${still}`);
  say(`${panels} panels, ${alerts.seen.size} of ${names.length} alerts`);
}

await main().catch((error) => missing.push(error.stack));
if (missing.length > 0) {
  fail(`MISSING\n${missing.join("\n")}`);
} else {
  say("all seen");
  end(0);
}
