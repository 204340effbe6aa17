// What the service works with is away, or does not answer.
import { setTimeout as sleep } from "node:timers/promises";
import { HISTORY, MUCH, REFUNDS, bearer } from "./callers.mjs";
import { CLIENTS } from "./clients.mjs";
import { always, until } from "./patience.mjs";

/** Whoever reads the table waits, and keeps a connection. */
export function lockedTable({ service, alerts, primary }) {
  return alerts.around(
    ["FinancePoolExhausted", "FinanceSlow", "FinanceErrors"],
    "a table is locked",
    async () => {
      const unlock = await primary.lock("supervision_finance.finance_client");
      const stop = always(100, (count) => service.ask(bearer(3), HISTORY, { clientId: CLIENTS[count % 4] }));
      return { unlock, stop };
    },
    "the lock is gone",
    ({ unlock, stop }) => {
      stop();
      return unlock();
    },
  );
}

/** The replica, Sirius, the sink, and whoever reads the log. */
export async function partnersAway({ service, alerts, replica, standIn, sink }) {
  await Promise.all([
    alerts.around(
      ["FinanceReplicaBehind"],
      "the replica is stopped",
      () => replica.stop(),
      "the replica is back",
      () => replica.start(),
    ),
    alerts.around(
      ["FinanceSessionChecksFail"],
      "Sirius is stopped",
      () => standIn.stop(),
      "Sirius is back",
      () => standIn.begin(),
    ),
    alerts.around(
      ["FinanceLogDropped"],
      "nobody reads the log, and there is much of it",
      () => {
        const read = service.leaveUnread();
        const stop = always(10, () => service.ask(bearer(61), "", {}, MUCH), 2);
        return { read, stop };
      },
      "it is read",
      ({ read, stop }) => {
        stop();
        read();
      },
    ),
    (async () => {
      sink.stop();
      await sleep(5000);
      await sink.begin();
    })(),
  ]);
}

/** Refunds are asked again and again; and another operation once, which was never answered before. */
export function tableGone({ service, alerts, primary }) {
  const table = "ALTER TABLE supervision_finance";
  const refunds = () => service.ask(bearer(7), REFUNDS);
  return alerts.around(
    [
      'FinanceInternalErrors{operation="Refunds"}',
      'FinanceInternalErrors{operation="other"}',
      "FinanceSqlFailures",
    ],
    "a table that queries want is not there",
    async () => {
      await primary.sql(`${table}.refund RENAME TO refund_away`);
      await until("the replica has lost it too", async () => (await refunds()).errors);
      await service.ask(bearer(7), REFUNDS.replace("Refunds", "AskedOnce"));
      return always(150, refunds);
    },
    "it is there again",
    (stop) => {
      stop();
      return primary.sql(`${table}.refund_away RENAME TO refund`);
    },
  );
}

export function postgresStopped({ alerts, primary }) {
  return alerts.around(
    ["FinanceNotReady", "FinanceDown"],
    "PostgreSQL is stopped",
    () => primary.stop(),
    "PostgreSQL is back",
    () => primary.start(),
  );
}
