// Every panel of the dashboard has data.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./patience.mjs";
import { root } from "./programs.mjs";
import { missing, say } from "./report.mjs";

const dashboardFile = join(root, "docs/operations/dashboard.json");
/** What the dashboard's own variables stand for here. */
const VARIABLES = { $__rate_interval: "20s", $instance: ".*" };

/** Each panel has a title, a description, a unit, and data for each of its expressions. */
export async function checkPanels(prometheus) {
  const { panels } = JSON.parse(readFileSync(dashboardFile, "utf8"));
  let row = "";
  let count = 0;
  for (const panel of panels) {
    if (panel.type === "row") {
      row = panel.title;
      continue;
    }
    count += 1;
    const name = `${row} / ${panel.title}`;
    const seen = [];
    for (const { expr } of panel.targets) {
      const [query] = Object.entries(VARIABLES).reduce(
        ([text], [name, value]) => [text.replaceAll(name, value)],
        [expr],
      );
      const look = async () => {
        const samples = await prometheus.query(query);
        const numbers = samples.filter(({ value }) => Number.isFinite(Number(value[1])));
        return numbers.length > 0 && numbers;
      };
      const samples = await until(`a sample of ${query}`, look, 30).catch((error) => {
        missing.push(`panel ${name}: ${error.message}`);
        return [];
      });
      seen.push(
        samples.map(describe).slice(0, 3).join(", ") +
          (samples.length > 3 ? `, … (${samples.length})` : ""),
      );
    }
    for (const what of ["title", "description"])
      if (!panel[what]) missing.push(`panel ${name} has no ${what}`);
    if (!panel.fieldConfig.defaults.unit) missing.push(`panel ${name} has no unit`);
    say(`panel  ${name}: ${seen.join(" | ")}`);
  }
  return count;
}

function describe({ metric, value }) {
  const { __name__, instance, job, ...labels } = metric;
  const text = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
  return `${text} ${Number(Number(value[1]).toPrecision(3))}`.trim();
}
