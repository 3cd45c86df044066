// Requests per second of generated routes, beside those of the bare framework with the same queries. Printed and not
// judged: times say something only in one run, and nothing about another machine.

import { copyFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";

import { ROOT, Server, type Project } from "../project.ts";
import { Client } from "../client.ts";
import { Failure } from "../tools.ts";

const AT_ONCE = 16;
/** Requests of a measurement: a second or so. */
const REQUESTS = 3000;
const ROWS = 200;

export async function speed(project: Project): Promise<string> {
  const generated = await project.serve("speed", { LOG_LEVEL: "fatal" });
  copyFileSync(join(ROOT, "tests/backend/programs/bare.ts"), join(project.folder, "bare.ts"));
  let bare: Server | undefined;
  try {
    const anyone = new Client(generated.url);
    const seller = await anyone.account("sellers", { name: "Ada", email: "ada@example.org" }, "email");
    const plant = (extra: object): string => JSON.stringify({ title: "Fern", price: 5, stock: 5, tags: ["a", "b"], ...extra });
    const authorization = `Bearer ${seller.token}`;
    for (let row = 0; row < ROWS; row += 1) {
      await send(generated.url, "POST", authorization, plant({}));
    }
    bare = await Server.start(project, generated.env, "bare", "bare.ts");
    const told = [];
    for (const [name, method, body] of [
      ["list", "GET", undefined],
      ["create", "POST", plant({ seller_id: seller.id })],
    ] as const) {
      // In turns, so that what else the machine does meets both.
      const rounds = [];
      for (let round = 0; round < 3; round += 1) {
        const ours = await measure(generated.url, method, authorization, body);
        const theirs = await measure(bare.url, method, authorization, body);
        rounds.push({ ours, theirs, ratio: ours / theirs });
      }
      rounds.sort((a, b) => a.ratio - b.ratio);
      const { ours, theirs, ratio } = rounds[1] ?? { ours: 0, theirs: 0, ratio: 0 };
      told.push(`${name}: ${Math.round(ours)}/s, bare ${Math.round(theirs)}/s, ratio ${ratio.toFixed(2)}`);
    }
    return told.join("; ");
  } finally {
    generated.kill();
    bare?.kill();
  }
}

async function measure(url: string, method: string, authorization: string, body?: string): Promise<number> {
  let left = REQUESTS;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        left -= 1;
        await send(url, method, authorization, body);
      }
    }),
  );
  return (REQUESTS / (performance.now() - began)) * 1000;
}

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

async function send(url: string, method: string, authorization: string, body?: string): Promise<void> {
  const headers: Record<string, string> = { authorization, "x-forwarded-for": "10.0.0.1" };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(Buffer.byteLength(body));
  }
  await new Promise<void>((resolve, reject) => {
    const sent = request(`${url}/plants`, { method, headers, agent }, (answer) => {
      answer.resume();
      answer.once("end", () => {
        const status = answer.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Failure(`${method} /plants: ${status}`));
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
