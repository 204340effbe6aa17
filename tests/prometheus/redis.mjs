// A Redis, which instances share their list of users by.
import net from "node:net";
import { until } from "./patience.mjs";
import { folder, freePort, start } from "./processes.mjs";

export class Redis {
  async start() {
    this.port ??= await freePort();
    const args = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--dir", folder];
    args.push("--save", "", "--appendonly", "no");
    this.process = start("redis", "redis-server", args);
    await until("redis answers", () => this.tell("PING"));
  }

  async stop() {
    this.process.kill("SIGKILL");
    await this.process.ended;
  }

  /** One command, in Redis's own protocol. */
  tell(...words) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.port, "127.0.0.1");
      socket.on("error", reject).once("data", (data) => (socket.destroy(), resolve(`${data}`)));
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join("")}`);
    });
  }

  /** The list as an instance would have left it so many hours ago. */
  leave(hours) {
    const asked_at = Date.now() - hours * 3_600_000;
    const users = [
      [3, "Billing Officer"],
      [7, "Finance Manager"],
    ];
    return this.tell("SET", "supervision-finance:users:1", JSON.stringify({ asked_at, users }));
  }
}
