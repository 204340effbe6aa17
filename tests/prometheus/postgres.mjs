// A PostgreSQL with a streaming replica.
import { chownSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./patience.mjs";
import { folder, freePort, run, start, tail } from "./processes.mjs";
import { bin, postgresBin } from "./programs.mjs";

const databases = join(folder, "postgres");
const owner = unprivileged();

/** PostgreSQL refuses to run as root: then as the user that its package makes. */
function unprivileged() {
  if (process.getuid() !== 0) return {};
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const [, , uid, gid] =
    users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  return { uid: Number(uid), gid: Number(gid) };
}

/** A server of its own: the primary, or its replica. */
class Postgres {
  constructor(name, port) {
    Object.assign(this, { name, port, data: join(databases, name) });
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  }

  async start() {
    const settings = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=100"];
    const args = ["-D", this.data, "-p", this.port, "-k", databases, "-h", "127.0.0.1"];
    args.push(...settings.flatMap((it) => ["-c", it]));
    // SIGQUIT: at once, and without what SIGKILL would leave in shared memory.
    this.process = start(this.name, join(postgresBin, "postgres"), args.map(String), {
      signal: "QUIT",
      as: owner,
    });
    await until(`${this.name} answers`, () => this.sql("SELECT 1").then(() => true));
  }

  async stop() {
    this.process.kill("SIGINT");
    await this.process.ended;
  }

  psql(args, stdin) {
    return start(
      "psql",
      join(postgresBin, "psql"),
      ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...args, this.url],
      { stdin },
    );
  }

  async sql(text) {
    const code = await this.psql(["-c", text]).ended;
    if (code !== 0) throw new Error(`${text}\n${tail("psql")}`);
  }

  /** Holds a lock until the function that it gives is called. */
  async lock(table) {
    const session = this.psql([], "pipe");
    session.stdin.write(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE;\n`);
    return async () => {
      session.stdin.end("ROLLBACK;\n");
      await session.ended;
    };
  }
}

/** A primary with the schema, and a replica that streams from it. */
export async function startPostgres() {
  mkdirSync(databases, { mode: 0o755 });
  if (owner.uid) chownSync(databases, owner.uid, owner.gid);
  const primary = new Postgres("primary", await freePort());
  const replica = new Postgres("replica", await freePort());
  const initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  initdb.push("-D", primary.data);
  await run("initdb", join(postgresBin, "initdb"), initdb, { as: owner });
  await primary.start();
  await run("migration", join(bin, "migration"), ["up"], { env: { DATABASE_URL: primary.url } });
  const copy = ["-h", "127.0.0.1", "-p", `${primary.port}`, "-U", "postgres", "-D", replica.data];
  copy.push("-R", "-c", "fast", "-X", "stream", "--no-sync");
  await run("pg_basebackup", join(postgresBin, "pg_basebackup"), copy, { as: owner });
  await replica.start();
  return { primary, replica };
}
