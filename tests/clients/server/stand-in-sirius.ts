// What the server asks of Sirius: its users, and whose session a cookie is. The list can be down.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const users = [
  { id: 3, displayName: "Billing Officer", roles: ["Finance User"] },
  { id: 7, displayName: "Finance Manager", roles: ["Finance Manager", "Finance User"] },
];

/** Which users have a session, by the value of cookie `sirius`. */
const sessions = new Map([
  ["officer", 3],
  ["manager", 7],
]);

export type UserList = "up" | "down";

export async function startSirius(list: UserList) {
  const server = createServer((request, response) => {
    const cookie = request.headers.cookie?.match(/(?:^|; )sirius=([^;]*)/)?.[1] ?? "";
    const user = users.find(({ id }) => id === sessions.get(cookie));
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    if (!user) {
      answer(401, {});
    } else if (request.url === "/supervision-api/v1/users/current") {
      answer(200, user);
    } else if (request.url === "/supervision-api/v1/users") {
      answer(list === "up" ? 200 : 500, list === "up" ? users : {});
    } else {
      answer(404, {});
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
