// Starts the built demo on a free port; gives its page's URL, and how to end it.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export async function startDemo() {
  const demo = spawn("target/debug/finance-api", ["demo", "--listen-addr", "127.0.0.1:0"], {
    cwd: root,
    env: { ...process.env, RUST_LOG: "error" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = () => demo.kill();
  for await (const line of createInterface({ input: demo.stdout })) {
    const found = line.match(/GraphiQL +(\S+).*files: (.*)\)/);
    if (found) {
      return { url: found[1], files: found[2], stop };
    }
  }
  stop();
  throw new Error("the demo did not start");
}
