// What is written of alerts, metrics and the log is so.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "./call.mjs";
import { until } from "./patience.mjs";
import { folder } from "./processes.mjs";
import { root } from "./programs.mjs";
import { missing, say } from "./report.mjs";

const runbook = "docs/operations/alerts.md";
const sightFile = "docs/operations/sight.md";

/** Each alert's runbook is there. */
export async function checkRunbook(prometheus) {
  const text = readFileSync(join(root, runbook), "utf8");
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
  for (const { name, annotations } of await prometheus.rules()) {
    const [file, anchor] = (annotations.runbook ?? "").split("#");
    if (file !== runbook || !anchors.includes(anchor))
      missing.push(`alert ${name} has no runbook: ${annotations.runbook}`);
  }
}

/** The table of metrics in sight.md has each, of its type, and no other. */
export async function checkTable(service) {
  const text = readFileSync(join(root, sightFile), "utf8");
  const told = [...text.matchAll(/^\| `((?:finance|process)_\w+)` \| (\w+) \|/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  const { text: metrics } = await call(`http://127.0.0.1:${service.metricsPort}/metrics`);
  const shown = [...metrics.matchAll(/^# TYPE (\w+ \w+)$/gm)].map(([, it]) => it);
  for (const one of shown) if (!told.includes(one)) missing.push(`${sightFile} says nothing of ${one}`);
  for (const one of told)
    if (!shown.includes(one)) missing.push(`${sightFile} has ${one}, which /metrics has not`);
  say(`${shown.length} metrics, ${told.length} in ${sightFile}`);
}

/** The line of the log that sight.md quotes has what such a line has here. */
export async function checkLine() {
  const text = readFileSync(join(root, sightFile), "utf8");
  const quoted = JSON.parse(text.match(/^\{"timestamp":.*$/m)[0]);
  const lines = () => readFileSync(join(folder, "finance-api.log"), "utf8").split("\n").slice(0, -1);
  const isLike = (line) => line.message === quoted.message && line.operation === quoted.operation;
  const shapes = () => lines().map((line) => JSON.parse(line)).filter(isLike).map(shape);
  const isThere = await until("such a line", () => shapes().includes(shape(quoted)), 10).catch(() => false);
  if (!isThere) missing.push(`${sightFile} quotes ${shape(quoted)}, the log has ${[...new Set(shapes())]}`);
  say(`the line of the log in ${sightFile} is of its shape: ${isThere ? "yes" : "no"}`);
}

/** Names and types, in their order. */
function shape(value) {
  return JSON.stringify(value, (_, it) => (typeof it === "object" ? it : typeof it));
}
