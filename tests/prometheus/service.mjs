// The service: its settings, its start and end, and what it is asked.
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { call } from "./call.mjs";
import { until } from "./patience.mjs";
import { folder, start } from "./processes.mjs";
import { bin } from "./programs.mjs";

/** With it other services sign tokens of users. */
export const SECRET = "the exercise's secret, of more than 32 bytes";
export const SIRIUS_KEY = "key-of-sirius-which-is-long-enough-for-a-key";
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

export class Service {
  constructor(parts) {
    Object.assign(this, parts);
    this.origin = `http://127.0.0.1:${this.port}`;
    this.settings = {
      LISTEN_ADDR: `127.0.0.1:${this.port}`,
      METRICS_ADDR: `127.0.0.1:${this.metricsPort}`,
      LOG_FORMAT: "json",
      DATABASE_URL: this.primary.url,
      DATABASE_READ_URL: this.toReplica.url,
      DATABASE_LISTEN_URL: this.toListen.url,
      SIRIUS_URL: `http://127.0.0.1:${this.sirius.port}`,
      USER_CACHE_URL: `redis://127.0.0.1:${this.redis.port}`,
      JWT_SECRET: SECRET,
      SERVICE_KEYS: `sirius=${sha256(SIRIUS_KEY)}`,
      SYSTEM_USER_ID: "12",
      EVENT_SINK_URL: `http://127.0.0.1:${this.sink.port}/events`,
      // A pool that is soon exhausted, and who wants a connection is soon refused.
      DATABASE_POOL_SIZE: "6",
      DATABASE_TIMEOUT: "600ms",
      // What takes minutes by default.
      SESSION_REMEMBERED: "1s",
      USER_CACHE_UNKNOWN: "1s",
      USER_CACHE_UNKNOWN_RETRY: "1s",
      USER_CACHE_BACK_OFF: "200ms",
      USER_CACHE_BACK_OFF_MOST: "1s",
      EVENT_SINK_BACK_OFF: "500ms",
      EVENT_SINK_BACK_OFF_MOST: "500ms",
      // What lets one caller ask 1,000 times at once, and is too much; and what keeps idle connections open.
      MAX_BATCH: "1000",
      RATE_PER_CALLER: "300",
      HEAD_TIMEOUT: "10m",
    };
  }

  /** With other settings. */
  async start(changed = {}) {
    const env = { ...this.settings, ...changed };
    for (const [name, value] of Object.entries(env)) if (value === null) delete env[name];
    // Few open files, so that there are soon too many.
    const args = ["-c", 'ulimit -n 400; exec "$0" serve', join(bin, "finance-api")];
    this.process = start("finance-api", "/bin/sh", args, { env, stderr: "pipe" });
    this.log = createWriteStream(join(folder, "finance-api.log"), { flags: "a" });
    this.process.stderr.pipe(this.log);
    await until("the service is ready", async () => (await this.get("/health/ready")).status === 200);
  }

  /** Nobody reads its log, until the function that it gives is called. */
  leaveUnread() {
    const { log } = this;
    const { stderr } = this.process;
    stderr.unpipe(log);
    stderr.pause();
    return () => stderr.pipe(log);
  }

  async kill() {
    this.process.kill("SIGKILL");
    await this.process.ended;
  }

  get(path, headers = {}) {
    return call(`${this.origin}${path}`, { headers });
  }

  /** Asks; gives the answer's JSON. */
  async ask(headers, query, variables, body = { query, variables }) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await call(`${this.origin}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: text,
    });
    return JSON.parse(answer.text);
  }
}
