// What stands between the service and a database: who says what it cuts, loses the connection.
import net from "node:net";
import { listen } from "./processes.mjs";

/** Leads to a database on that port. */
export async function startProxy(to) {
  const proxy = { cuts: undefined, open: new Set() };
  const server = net.createServer((client) => {
    const upstream = net.connect(to, "127.0.0.1");
    const end = () => [client, upstream].forEach((it) => it.destroy());
    for (const socket of [client, upstream]) {
      proxy.open.add(socket);
      socket.on("error", end).on("close", () => (proxy.open.delete(socket), end()));
    }
    client.on("data", (data) => {
      if (proxy.cuts?.(data)) end();
      else upstream.write(data);
    });
    upstream.on("data", (data) => client.write(data));
  });
  proxy.url = `postgres://postgres@127.0.0.1:${await listen(server)}/postgres`;
  /** From now on; statements that were prepared before would not be known by their text. */
  proxy.cut = (cuts) => {
    proxy.cuts = cuts;
    proxy.open.forEach((it) => it.destroy());
  };
  proxy.mend = () => (proxy.cuts = undefined);
  return proxy;
}
