// Sirius, and the sink of events.
import http from "node:http";
import { listen } from "./processes.mjs";

/** A server that can be stopped and begun again on its port. */
async function startHttp(handler) {
  const stand = {};
  stand.begin = async () => {
    stand.server = http.createServer(handler);
    stand.port = await listen(stand.server, stand.port);
  };
  stand.stop = () => {
    stand.server.close();
    stand.server.closeAllConnections();
  };
  await stand.begin();
  return stand;
}

export async function startSirius() {
  const users = [
    { id: 3, displayName: "Billing Officer", roles: ["Case Manager", "Finance User"] },
    { id: 7, displayName: "Finance Manager", roles: ["Finance Manager", "Finance User"] },
    { id: 12, displayName: "Cash Control Officer", roles: ["Corporate Finance"] },
  ];
  const sessions = { officer: 3, manager: 7 };
  const sirius = await startHttp((request, response) => {
    const session = /(?:^|; )sirius=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
    const user = users.find(({ id }) => id === sessions[session]);
    const isList = request.url === "/supervision-api/v1/users";
    if (!user) response.writeHead(401).end();
    else if (isList && sirius.listFails) response.writeHead(500).end();
    else if (isList) response.setHeader("Content-Type", "application/json").end(JSON.stringify(users));
    else if (request.url === "/supervision-api/v1/users/current") response.end(JSON.stringify(user));
    else response.writeHead(404).end();
  });
  return sirius;
}

export async function startSink() {
  const sink = await startHttp((request, response) => {
    const parts = [];
    request
      .on("data", (part) => parts.push(part))
      .on("end", () => {
        const { detail } = JSON.parse(Buffer.concat(parts));
        response.writeHead(sink.refuses?.(detail.clientId) ?? 200).end();
      });
  });
  return sink;
}
