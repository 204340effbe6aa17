// The service ends, and starts with other settings, with an old list of users or none, or too often.
import { setTimeout as sleep } from "node:timers/promises";

/** A list of users that is forty hours old, and nobody who sends events. */
export async function killed({ service, alerts, redis, standIn }) {
  standIn.listFails = true;
  await alerts.around(
    ["FinanceInstanceDown"],
    "kill -9",
    () => service.kill(),
    "started again, without EVENT_SINK_URL, with a list of users that is 40 hours old",
    async () => {
      await redis.leave(40);
      await service.start({ EVENT_SINK_URL: null });
    },
  );
  await Promise.all([
    alerts.fires("FinanceEventsNotSent", "started without EVENT_SINK_URL"),
    alerts.fires("FinanceUserListOld", "a list 40 hours old, and Sirius answers 500 when asked for another"),
    alerts.fires("FinanceUserListFails", "Sirius answers 500 when asked for the list"),
  ]);
  // Nothing of that list is left.
  await service.kill();
  await redis.tell("FLUSHALL");
  await service.start();
  await Promise.all([
    alerts.goes("FinanceEventsNotSent", "started with EVENT_SINK_URL"),
    alerts.goes("FinanceUserListOld", "started without a list"),
    alerts.fires("FinanceNamesMissing", "Sirius answers 500 when asked for the list, and there is none"),
  ]);
  standIn.listFails = false;
  await Promise.all([
    alerts.goes("FinanceNamesMissing", "Sirius gives the list"),
    alerts.goes("FinanceUserListFails", "Sirius gives the list"),
  ]);
}

export function restarts({ service, alerts }) {
  return alerts.around(
    ["FinanceRestarts"],
    "kill -9, twice",
    async () => {
      for (let time = 0; time < 2; time++) {
        await service.kill();
        await service.start();
        await sleep(1500);
      }
    },
    "it stays up",
    () => {},
  );
}
