// A Prometheus with the rules of alerts.yaml, in which a minute is a second.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "./call.mjs";
import { until } from "./patience.mjs";
import { folder, run, start, tail } from "./processes.mjs";
import { root } from "./programs.mjs";
import { say } from "./report.mjs";

const rulesFile = join(root, "docs/operations/alerts.yaml");

function scaled(rules) {
  const seconds = (amount, unit) => `${Number(amount) * (unit === "h" ? 60 : 1)}s`;
  return rules.replace(
    /(for: |offset |\[)(\d+)([mh])/g,
    (_, before, amount, unit) => before + seconds(amount, unit),
  );
}

export class Prometheus {
  constructor(port, target) {
    Object.assign(this, { port, target });
  }

  async start() {
    const rules = join(folder, "alerts.yaml");
    writeFileSync(rules, scaled(readFileSync(rulesFile, "utf8")));
    const config = join(folder, "prometheus.yaml");
    writeFileSync(
      config,
      `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [${rules}]
scrape_configs:
  - job_name: finance-api
    static_configs: [{ targets: ["${this.target}"] }]
`,
    );
    await run("promtool", "promtool", ["check", "rules", rulesFile]);
    say(`promtool check rules: ${tail("promtool").match(/SUCCESS.*/)[0]}`);
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, "tsdb")}`];
    args.push(`--web.listen-address=127.0.0.1:${this.port}`, "--log.level=warn");
    start("prometheus", "prometheus", args);
    await until(
      "prometheus is ready",
      async () => (await call(`http://127.0.0.1:${this.port}/-/ready`)).status === 200,
    );
  }

  async api(path) {
    const { text } = await call(`http://127.0.0.1:${this.port}/api/v1/${path}`);
    const answer = JSON.parse(text);
    if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }

  async query(expr) {
    return (await this.api(`query?query=${encodeURIComponent(expr)}`)).result;
  }

  async rules() {
    return (await this.api("rules")).groups.flatMap(({ rules }) => rules);
  }

  async alerts() {
    return (await this.api("alerts")).alerts;
  }

  async firing() {
    return (await this.alerts()).filter(({ state }) => state === "firing");
  }
}
