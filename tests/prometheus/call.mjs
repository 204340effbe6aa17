// HTTP, over connections that are kept.
import http from "node:http";

const agent = new http.Agent({ keepAlive: true, maxSockets: 60 });

export function call(url, { method = "GET", headers = {}, body, onData } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent, timeout: 60_000 }, (response) => {
      const parts = [];
      response.on("data", (part) => (onData ? onData(part) : parts.push(part)));
      response.on("end", () =>
        resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }),
      );
      response.on("error", reject);
    });
    request.on("error", reject).on("timeout", () => request.destroy(new Error("no answer")));
    request.end(body);
  });
}
