// Alerts are silent, fire and go away again.
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./patience.mjs";
import { missing, say } from "./report.mjs";

const nameOf = ({ labels }) => labels.alertname;

/** Either by its name alone, or as `Name{operation="Refunds"}`. */
const isNamed = ({ labels: { alertname, operation } }, name) =>
  [alertname, `${alertname}{operation="${operation}"}`].includes(name);

/** Nothing fires on a good day. */
export async function checkSilence(prometheus, seconds) {
  const by = Date.now() + seconds * 1000;
  while (Date.now() < by) {
    const firing = await prometheus.firing();
    if (firing.length > 0) {
      missing.push(`firing while all is well: ${firing.map(nameOf)}`);
      break;
    }
    await sleep(500);
  }
  say(`silence for ${seconds} s with all kinds of requests: ${missing.length ? "no" : "yes"}`);
}

export class Alerts {
  constructor(prometheus) {
    this.prometheus = prometheus;
    this.seen = new Set();
  }

  /** Waits until it fires. */
  async fires(name, why) {
    const since = Date.now();
    const isIt = async () => (await this.prometheus.firing()).find((alert) => isNamed(alert, name));
    const alert = await this.#until(`${name} fires`, isIt);
    if (!alert) return;
    const took = Math.round((Date.now() - since) / 1000);
    const { labels, annotations } = alert;
    say(`alert  ${name} fires after ${took} s of: ${why} [${labels.severity}] ${annotations.summary}`);
  }

  /** Waits until it does not fire any more. */
  async goes(name, why) {
    const since = Date.now();
    const isGone = async () => !(await this.prometheus.firing()).some((alert) => isNamed(alert, name));
    if (!(await this.#until(`${name} goes`, isGone))) return;
    this.seen.add(name.replace(/\{.*/, ""));
    say(`alert  ${name} gone ${Math.round((Date.now() - since) / 1000)} s after: ${why}`);
  }

  /** Waits until nothing fires, and nothing is about to: what comes then has its own cause. */
  async calm() {
    const left = async () => (await this.prometheus.alerts()).map((it) => `${nameOf(it)} (${it.state})`);
    const isCalm = async () => (await left()).length === 0;
    if (!(await this.#until("no alerts", isCalm))) missing.push(`left: ${await left()}`);
  }

  /** Something breaks, these fire; it is mended, they go. What `cause` gives is given to `mend`. */
  async around(names, why, cause, how, mend) {
    const broken = await cause();
    await Promise.all(names.map((name) => this.fires(name, why)));
    await mend(broken);
    await Promise.all(names.map((name) => this.goes(name, how)));
  }

  /** What is waited for in vain is missing. */
  #until(what, condition) {
    return until(what, condition).catch((error) => void missing.push(`alerts: ${error.message}`));
  }
}
