// Where the programs are that the exercise runs.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
/** The folder of finance-api and migration. */
export const bin = findBinaries();
export const postgresBin = findPostgres();

function findBinaries() {
  const has = (dir) => ["finance-api", "migration"].every((name) => existsSync(join(dir, name)));
  const found = (
    process.env.BIN ? [process.env.BIN] : ["target/release", "target/debug"].map((it) => join(root, it))
  ).find(has);
  if (!found)
    throw new Error("no folder has both finance-api and migration: cargo build --workspace, or set BIN");
  return found;
}

function findPostgres() {
  const base = "/usr/lib/postgresql";
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
  const dirs = [...process.env.PATH.split(":"), ...versions.map((it) => join(base, it, "bin"))];
  const has = (dir) =>
    ["initdb", "postgres", "psql", "pg_basebackup"].every((name) => existsSync(join(dir, name)));
  const found = dirs.find(has);
  if (!found) throw new Error("no PostgreSQL: apt-get install postgresql");
  return found;
}
