// Programs that the exercise starts, their ports and logs, and its own end: then nothing of it is left.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** All that is written is in it, and it is removed at the end. */
export const folder = mkdtempSync(join(tmpdir(), "finance-exercise-"));
chmodSync(folder, 0o755);

/**
 * A shell that ends what is left and removes the folder once its standard input closes, which it does however
 * this program ends. It is told of each process, and of its end.
 */
const guard = spawn(
  "/bin/sh",
  [
    "-c",
    `all=
     while read -r what signal id; do
       case $what in
         began) all="$all $signal:$id" ;;
         ended) all=$(printf %s "$all" | sed "s/ $signal:$id\\b//") ;;
       esac
     done
     for one in $all; do kill -"\${one%%:*}" "\${one##*:}" 2>/dev/null; done
     [ -z "$all" ] || sleep 1
     rm -rf "$0"; sleep 1; rm -rf "$0"`,
    folder,
  ],
  { stdio: ["pipe", "ignore", "ignore"], detached: true },
);
guard.unref();
guard.stdin.on("error", () => {});

/** Starts a program; what it says goes into a file of that name in the folder. */
export function start(name, command, args, { env = {}, signal = "KILL", as = {}, ...stdio } = {}) {
  const log = openSync(join(folder, `${name}.log`), "a");
  const child = spawn(command, args, {
    cwd: "/",
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", ...env },
    stdio: [stdio.stdin ?? "ignore", log, stdio.stderr ?? log],
    detached: true,
    ...as,
  });
  child.on("error", (error) => fail(`${name}: ${error.message}`));
  if (child.pid) guard.stdin.write(`began ${signal} ${child.pid}\n`);
  child.ended = new Promise((resolve) =>
    child.once("exit", (code) => {
      guard.stdin.write(`ended ${signal} ${child.pid}\n`);
      resolve(code);
    }),
  );
  return child;
}

export async function run(name, command, args, options) {
  const code = await start(name, command, args, options).ended;
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${tail(name)}`);
}

export function tail(name, lines = 15) {
  const file = join(folder, `${name}.log`);
  if (!existsSync(file)) return "";
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .slice(-lines)
    .map((line) => line.slice(0, 400))
    .join("\n");
}

export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Gives the port that the server listens on. */
export function listen(server, port = 0) {
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server.address().port)));
}

let isEnding = false;

export function fail(why) {
  // What ends makes others fail.
  if (isEnding) return;
  console.error(`\n${why}\n`);
  for (const name of ["finance-api", "prometheus", "primary", "replica"]) {
    const log = tail(name);
    if (log) console.error(`-- the end of ${name}.log\n${log}\n`);
  }
  end(1);
}

/** Ends once nothing is left. */
export function end(code) {
  isEnding = true;
  guard.ref();
  guard.once("exit", () => process.exit(code));
  guard.stdin.end();
}
process.on("uncaughtException", (error) => fail(error.stack));
process.on("unhandledRejection", (error) => fail(error?.stack ?? String(error)));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => end(130));
