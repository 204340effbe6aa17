// GraphiQL in headless Chromium: the query that is there runs, the documentation opens, nothing is
// fetched from elsewhere. Wants the local bundle and a Chromium (CHROMIUM, by default
// /usr/bin/chromium). Leaves a screenshot in target/graphiql.png.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { root, startDemo } from "./demo.mjs";

let demo;
let browser;
before(async () => {
  demo = await startDemo();
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
});
after(async () => {
  await browser?.close();
  demo?.stop();
});

test("the page runs its first query and shows the documentation", async () => {
  assert.equal(demo.files, "local bundle", "build it: npm run --prefix api/graphiql build");
  const faults = [];
  const tab = await browser.newPage({ viewport: { width: 1500, height: 950 } });
  tab.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  tab.on("pageerror", (error) => faults.push(error.message));
  tab.on("request", (request) => {
    if (!request.url().startsWith(new URL(demo.url).origin) && !request.url().startsWith("data:")) {
      faults.push(`asked for ${request.url()}`);
    }
  });
  await tab.goto(demo.url);
  await tab.click(".graphiql-execute-button");
  const result = tab.locator(".result-window");
  await result.getByText('"FEE_REDUCTION_APPLIED"').first().waitFor({ timeout: 20_000 });
  assert.ok(!(await result.innerText()).includes('"errors"'));
  await tab.click('[aria-label="Show Documentation Explorer"]');
  await tab.getByText("All Schema Types").waitFor({ timeout: 20_000 });
  await tab.screenshot({ path: `${root}target/graphiql.png` });
  assert.deepEqual(faults, []);
});

test("what the page sends repeats the token that a mutation needs", async () => {
  const tab = await browser.newPage();
  await tab.goto(demo.url);
  const query =
    "mutation { changePaymentMethod(input: { clientId: 1001, paymentMethod: DIRECT_DEBIT }) " +
    "{ financeClient { paymentMethod } userErrors { message } } }";
  const answer = await tab.evaluate(async (body) => {
    const headers = { "Content-Type": "application/json" };
    const response = await withXsrfToken("/graphql", { method: "POST", headers, body });
    return response.json();
  }, JSON.stringify({ query }));
  assert.deepEqual(answer, {
    data: {
      changePaymentMethod: { financeClient: { paymentMethod: "DIRECT_DEBIT" }, userErrors: [] },
    },
  });
});

test("the operations that the page offers tell its stories, one after the other", async () => {
  const tab = await browser.newPage({ viewport: { width: 1500, height: 950 } });
  await tab.goto(demo.url);
  const result = tab.locator(".result-window");
  // What its variables hold, what its answer shows, and nothing of an error.
  const stories = [
    ["BillingHistory", "", "FEE_REDUCTION_APPLIED"],
    ["AwardRemission", "1013", '"outstandingBalance": 5000'],
    ["RaiseWriteOff", "CREDIT_WRITE_OFF", '"statusContext": "WRITE_OFF_PENDING"'],
    ["ApproveWriteOff", "adjustmentId", '"statusContext": "WRITE_OFF"'],
    ["RaiseReversal", "WRITE_OFF_REVERSAL", '"amount": -10000'],
    ["ApproveReversal", "adjustmentId", '"outstandingBalance": 10000'],
    ["RequestRefund", "accountName", '"amount": 7500'],
    ["ApproveRefund", "refundId", '"status": "APPROVED"'],
  ];
  for (const [name, variables, shown] of stories) {
    await tab.click(`.graphiql-tab-button[title="${name}"]`);
    const shows = ([where, text]) => document.querySelector(where)?.innerText.includes(text);
    const wait = { timeout: 20_000 };
    await tab.waitForFunction(shows, [".graphiql-editor-tool", variables], wait);
    // Which operation it is the page finds out a moment later, sooner than a person clicks.
    await tab.waitForTimeout(1_000);
    await tab.click(".graphiql-execute-button");
    await tab.waitForFunction(shows, [".result-window", shown], wait);
    const text = await result.innerText();
    assert.ok(!text.includes('"errors"') && !text.includes('"message"'), `${name}: ${text}`);
  }
  await tab.screenshot({ path: `${root}target/graphiql-stories.png` });
});

test("a subscription shows each change as it is made, until it is stopped", async () => {
  const page = await browser.newPage({ viewport: { width: 1500, height: 950 } });
  await page.goto(demo.url);
  await page.click('.graphiql-tab-button[title="FollowAccount"]');
  await page.waitForTimeout(1_000);
  await page.click(".graphiql-execute-button");
  await page.locator(".graphiql-execute-button[aria-label*=Stop]").waitFor({ timeout: 20_000 });
  // Until it stands: neither the page nor the protocol tells.
  await page.waitForTimeout(500);
  const pay = async (paymentMethod) => {
    const query =
      `mutation { changePaymentMethod(input: { clientId: 1013, paymentMethod: ${paymentMethod} }) ` +
      "{ userErrors { message } } }";
    const response = await fetch(demo.url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Cookie: "sirius=demo; XSRF-TOKEN=x",
        "X-XSRF-TOKEN": "x",
      },
      body: JSON.stringify({ query }),
    });
    assert.deepEqual((await response.json()).data.changePaymentMethod.userErrors, []);
  };
  const result = page.locator(".result-window");
  for (const method of ["DIRECT_DEBIT", "DEMANDED"]) {
    await pay(method);
    await result.getByText(`"${method}"`).first().waitFor({ timeout: 20_000 });
  }
  await page.screenshot({ path: `${root}target/graphiql-subscription.png` });
  await page.click(".graphiql-execute-button");
  await page.waitForTimeout(500);
  await pay("DIRECT_DEBIT");
  await page.waitForTimeout(500);
  assert.ok((await result.innerText()).includes('"DEMANDED"'));
});
