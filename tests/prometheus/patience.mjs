// Waiting for something, and doing something again and again.
import { setTimeout as sleep } from "node:timers/promises";

/** The longest that anything is waited for, in seconds: the machine may have other work. */
const PATIENCE = 90;

export async function until(what, condition, patience = PATIENCE) {
  const by = Date.now() + patience * 1000;
  for (;;) {
    const found = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    if (found) return found;
    if (Date.now() > by) throw new Error(`waited ${patience} s in vain: ${what}`);
    await sleep(200);
  }
}

/** Does something again and again, whatever comes of it, until the function that it gives is called. */
export function always(milliseconds, work, most = 40) {
  let under = 0;
  let count = 0;
  const timer = setInterval(() => {
    if (under >= most) return;
    under += 1;
    Promise.resolve(work(count++))
      .catch(() => {})
      .finally(() => (under -= 1));
  }, milliseconds);
  return () => clearInterval(timer);
}
