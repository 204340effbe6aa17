// The service as it is shipped, on a port and a database of its own, with a stand-in for Sirius.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type UserList, startSirius } from "./stand-in-sirius.js";

const programs = resolve(
  process.env.FINANCE_BIN_DIR ?? join(import.meta.dirname, "../../../target/debug"),
);

/** The key by which Sirius itself calls; the server knows its hash alone. */
export const siriusKey = "key-of-sirius-with-at-least-thirty-two-bytes";

/** The origin of the page that asks; live updates are for pages of known origins alone. */
export const pageOrigin = "http://app.test";

export type Server = Awaited<ReturnType<typeof startServer>>;

export async function startServer({ userList = "up" as UserList } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "client-tests-"));
  const sirius = await startSirius(userList);
  let service: ChildProcess | undefined;
  const stop = () => {
    service?.kill("SIGKILL");
    sirius.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  // Runs that are broken off leave nothing behind either.
  process.once("exit", stop);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(1));
  }
  try {
    const env = {
      ...process.env,
      DATABASE_URL: `sqlite://${join(folder, "finance.db")}`,
      SIRIUS_URL: sirius.origin,
      SERVICE_KEYS: `sirius=${createHash("sha256").update(siriusKey).digest("hex")}`,
      SYSTEM_USER_ID: "7",
      ALLOWED_ORIGINS: pageOrigin,
      RUST_LOG: "info",
      LOG_FORMAT: "text",
    };
    execFileSync(join(programs, "migration"), ["up"], { env, stdio: ["ignore", "ignore", "pipe"] });
    service = spawn(join(programs, "finance-api"), ["serve", "--listen-addr", "127.0.0.1:0"], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    return { url: `http://${await addressOf(service)}/graphql`, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** The address that the service logs once it serves. The rest of the log is read and dropped. */
function addressOf(service: ChildProcess) {
  return new Promise<string>((found, failed) => {
    const log: string[] = [];
    createInterface({ input: service.stderr! }).on("line", (line) => {
      log.push(line);
      const address = line.includes(" serving ") && line.match(/address=(\S+)/)?.[1];
      if (address) found(address);
    });
    service.once("error", failed);
    service.once("exit", () => failed(new Error(`the server did not start:\n${log.join("\n")}`)));
  });
}
