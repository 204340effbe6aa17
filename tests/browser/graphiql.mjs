// Starts the demo, opens its GraphiQL page in headless Chromium, runs the query that is there and
// opens the documentation. Wants the built server (target/debug/finance-api), the local bundle of
// GraphiQL and a Chromium (CHROMIUM, by default /usr/bin/chromium). Leaves a screenshot in target/.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
const demo = spawn("target/debug/finance-api", ["demo", "--listen-addr", "127.0.0.1:0"], {
  cwd: root,
  env: { ...process.env, RUST_LOG: "warn" },
  stdio: ["ignore", "pipe", "inherit"],
});

async function page() {
  for await (const line of createInterface({ input: demo.stdout })) {
    const found = line.match(/GraphiQL +(\S+).*files: (.*)\)/);
    if (found) {
      assert.equal(found[2], "local bundle", "build it: npm run --prefix api/graphiql build");
      return found[1];
    }
  }
  throw new Error("the demo did not start");
}

const faults = [];
let browser;
try {
  const url = await page();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const tab = await browser.newPage({ viewport: { width: 1500, height: 950 } });
  tab.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  tab.on("pageerror", (error) => faults.push(error.message));
  tab.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) {
      faults.push(`asked for ${request.url()}`);
    }
  });
  await tab.goto(url);
  await tab.click(".graphiql-execute-button");
  const result = tab.locator(".result-window");
  await result.getByText('"displayName": "Billing Officer"').waitFor({ timeout: 20_000 });
  assert.ok(!(await result.innerText()).includes('"errors"'));
  await tab.click('[aria-label="Show Documentation Explorer"]');
  await tab.getByText("All Schema Types").waitFor({ timeout: 20_000 });
  await tab.screenshot({ path: `${root}target/graphiql.png` });
  assert.deepEqual(faults, []);
  console.log("1 passed, 0 failed");
} finally {
  await browser?.close();
  demo.kill();
}
