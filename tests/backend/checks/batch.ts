// Work that is queued: taken at once, done once, and not lost with the process. Told by a program that one knows: the
// greenhouse, whose devices report readings so.

import { randomUUID } from "node:crypto";

import { signUp } from "../account.ts";
import { Client } from "../client.ts";
import { Server, type Project } from "../project.ts";
import { holds, same, until } from "../tools.ts";

/** So long a group may wait for the next turn of the worker, and be worked on. */
const SOON = 20_000;

/** A device, which calls with the key that it was made with. */
interface Device {
  readonly id: string;
  readonly key: string;
}

interface Reading {
  readonly value: number;
}

export async function batch(project: Project): Promise<void> {
  // Groups are taken often, so that nobody waits for them here.
  let server = await project.serve("batch", { BATCH_INTERVAL_MS: "200" });
  try {
    const anyone = new Client(server.url);
    const operator = anyone.as(await signUp(server.url));
    const site = await operator.expect(201, "POST", "/sites", { name: "North", latitude: 1, longitude: 2 });
    const device = await newDevice(operator, site.id);
    const other = await newDevice(operator, site.id);

    const jobs: string[] = [];
    for (const value of [20.5, 21.5, 22.5]) {
      jobs.push(await queued(anyone, device, value));
    }
    for (const job of jobs) {
      await ends(anyone, device, job, "done");
    }
    same("the readings that were queued", await readings(anyone, device), [20.5, 21.5, 22.5]);
    same("the job of another device", (await anyone.send("GET", `/jobs/${jobs[0]}`, undefined, keyOf(other))).status, 403);

    const refused = await send(anyone, other, reading(device, 1));
    same(`a reading in the name of another device is refused at once: ${refused.text}`, refused.status, 403);
    const late = await send(anyone, device, reading(device, 1, 3_600_000));
    same(`a reading from the future is taken: ${late.text}`, late.status, 202);
    const failed = await ends(anyone, device, late.body.job.id, "failed");
    holds(`and fails with what the capability says: ${JSON.stringify(failed.error)}`, typeof failed.error?.message === "string");

    const key = { "idempotency-key": randomUUID() };
    const body = reading(device, 23.5);
    const first = await send(anyone, device, body, key);
    const again = await send(anyone, device, body, key);
    same("the job of the same key", again.body.job?.id, first.body.job?.id);
    same("the same key with another body", (await send(anyone, device, reading(device, 24.5), key)).status, 409);
    await ends(anyone, device, first.body.job.id, "done");

    // What was taken is done though the process dies before it begins. One that dies at work keeps it for its lease.
    const { env } = server;
    await server.stop();
    server = await Server.start(project, { ...env, BATCH_INTERVAL_MS: "60000" }, "batch-slow");
    const kept = await queued(new Client(server.url), device, 25.5);
    server.kill();
    server = await Server.start(project, env, "batch-again");
    const now = new Client(server.url);
    await ends(now, device, kept, "done");
    same("the readings in the end", await readings(now, device), [20.5, 21.5, 22.5, 23.5, 25.5]);
  } finally {
    server.kill();
  }
}

async function newDevice(operator: Client, site: string): Promise<Device> {
  const device = await operator.expect(201, "POST", "/devices", { serial: randomUUID(), site_id: site, tags: {} });
  return { id: device.id, key: device.api_key };
}

function keyOf(device: Device): Record<string, string> {
  return { "x-api-key": device.key };
}

function reading(device: Device, value: number, ahead = 0): object {
  return { device_id: device.id, value, taken: new Date(Date.now() + ahead).toISOString() };
}

async function send(anyone: Client, device: Device, body: object, headers: Record<string, string> = {}) {
  return anyone.send("POST", "/devices/ingest", body, { ...keyOf(device), ...headers });
}

/** Queues a reading, and gives the job's id. */
async function queued(anyone: Client, device: Device, value: number): Promise<string> {
  const answer = await send(anyone, device, reading(device, value));
  same(`a reading is queued: ${answer.text}`, answer.status, 202);
  return answer.body.job.id as string;
}

/** Waits for the end of a job. */
async function ends(anyone: Client, device: Device, job: string, status: string): Promise<any> {
  let last: any;
  await until(`the job ends`, SOON, async () => {
    last = (await anyone.send("GET", `/jobs/${job}`, undefined, keyOf(device))).body;
    return ["done", "failed"].includes(last?.status);
  });
  same(`how the job ends: ${JSON.stringify(last)}`, last.status, status);
  return last;
}

/** The values that are kept of a device, smallest first; its own, which nobody else reads. */
async function readings(anyone: Client, device: Device): Promise<number[]> {
  const page = await anyone.send("GET", "/readings?page_size=50", undefined, keyOf(device));
  same(`a device reads what it reported: ${page.text}`, page.status, 200);
  return (page.body.items as Reading[]).map((reading) => reading.value).sort((left, right) => left - right);
}
