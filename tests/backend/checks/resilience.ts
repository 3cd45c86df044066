// What no client may be able to do: stop the process, or leave it worse than before.

import { connect } from "node:net";

import { Client, type Account } from "../client.ts";
import type { Server } from "../project.ts";
import { holds, until } from "../tools.ts";

/** As many bad requests as used up the connections of the public compiler's servers ten times over. */
const FAILING = 200;

export async function resilience(server: Server, account: Account, table: string): Promise<void> {
  const client = new Client(server.url).as(account);
  const bad: [string, string, unknown?, Record<string, string>?][] = [
    ["GET", `/${table}/not-an-id`],
    ["PUT", `/${table}/not-an-id`, {}],
    ["DELETE", `/${table}/%ff`],
    ["GET", `/${table}?page=-1`],
    ["GET", `/${table}?page=99999999999999999999`],
    ["GET", `/${table}?page_size=x`],
    ["POST", `/${table}`, "{"],
    ["POST", `/${table}`, '{"__proto__":{"admin":true}}'],
    ["POST", `/${table}`, "[".repeat(10_000)],
    ["POST", `/${table}`, "x", { "content-type": "text/plain" }],
    ["GET", `/${table}/00000000-0000-4000-8000-000000000000`],
    ["PUT", `/${table}/00000000-0000-4000-8000-000000000000`, { nothing: 1 }],
    ["POST", `/${table}`],
    ["PUT", `/${table}/${account.id}`],
    ["GET", "/no/such/route"],
    ["PATCH", `/${table}`],
  ];
  for (let round = 0; round * bad.length < FAILING; round += 1) {
    for (const [method, path, body, headers] of bad) {
      const answer = await client.send(method, path, body, headers ?? {});
      const where = `${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`;
      holds(`a bad request is a client's error. ${where}`, answer.status >= 400 && answer.status < 500);
      holds(`an error is JSON with a code. ${where}`, typeof answer.body?.error?.code === "string");
      holds(`an error tells nothing of the inside. ${where}`, !/select |insert |node_modules|\.ts:|sqlite|postgres/i.test(answer.text));
    }
  }
  const large = await talk(
    server.url,
    `POST /${table} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${account.token}\r\nContent-Type: application/json\r\nContent-Length: ${4 << 20}\r\n\r\n{`,
  );
  holds(`a body of 4 MB is refused before it is read: ${large.slice(0, 200)}`, large.startsWith("HTTP/1.1 413 "));
  for (const raw of RAW) {
    await talk(server.url, raw);
  }
  holds("it answers after all of that", (await new Client(server.url).send("GET", "/health/ready")).status === 200);
}

/** A database that starts anew while requests are under way: some of them fail, and the server goes on. */
export async function outage(server: Server, account: Account, table: string, cut: () => Promise<void>): Promise<void> {
  const client = new Client(server.url).as(account);
  let over = false;
  const asking = Array.from({ length: 8 }, async () => {
    while (!over) {
      const { status, text } = await client.send("GET", `/${table}`);
      holds(`a request during an outage is answered: ${status} ${text.slice(0, 300)}`, [200, 403, 429, 503].includes(status));
    }
  });
  try {
    await cut();
    await cut();
  } finally {
    over = true;
    await Promise.all(asking);
  }
  await until("it is ready after an outage", 10_000, async () => {
    return (await new Client(server.url).send("GET", "/health/ready")).status === 200;
  });
}

const RAW = [
  "GET / HTTP/1.1\r\nHost: [bad\r\n\r\n",
  "GET /channels HTTP/1.1\r\nHost: [bad\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n",
  "GET /channels/constructor HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff",
  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "\x16\x03\x01\x02\x00",
  "GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
];

/** Says something raw and gives the first of the answer; nothing where there is none within a second. */
async function talk(url: string, raw: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise<string>((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(raw, "latin1"));
    const end = (said?: unknown): void => {
      socket.destroy();
      resolve(Buffer.isBuffer(said) ? said.toString("latin1") : "");
    };
    socket.setTimeout(1000, () => {
      end();
    });
    socket.once("data", end);
    socket.once("close", end);
    socket.once("error", end);
  });
}
