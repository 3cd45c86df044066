/** A server of its own for each file of tests, on a database that is made for it, and callers of every kind. */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { createApp, type App } from "../src/app.ts";
import { grantRole } from "../src/auth/secrets.ts";
import { loadConfig } from "../src/config.ts";
import type { Context } from "../src/context.ts";
import { openDatabase } from "../src/database/client.ts";
import { migrate } from "../src/database/migrate.ts";
import { entities as known } from "../src/entities/index.ts";
import { extensions } from "../src/extensions/index.ts";
import { createLive } from "../src/live.ts";
import { createLogger } from "../src/logger.ts";
import { createMetrics } from "../src/metrics.ts";
import { policies } from "../src/policies/policies.ts";
import { entities, type Body, type CapabilityUnderTest, type EntityUnderTest } from "./system.ts";

export const PASSWORD = "correct horse battery staple";

export interface Answer {
  status: number;
  body: Body;
  headers: Record<string, unknown>;
}

export interface User {
  id: string;
  token: string;
  entity: EntityUnderTest;
  /** What it logs in with. */
  identifier: string;
}

type Method = "GET" | "POST" | "PUT" | "DELETE" | "OPTIONS";

export interface Backend {
  app: App;
  context: Context;
  ask(method: Method, path: string, options?: Asked): Promise<Answer>;
}

export interface Asked {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

/** So much time passes between two requests, so that the limits of the program refuse no test. */
const PAUSE_MS = Math.max(
  20_000,
  ...policies.map(({ limit }) =>
    limit === null ? 0 : Math.ceil((2 * limit.window) / limit.requests),
  ),
);

/** Starts a server; it ends with the file of tests. */
export async function start(): Promise<Backend> {
  const folder = mkdtempSync(join(tmpdir(), "tests-"));
  const config = loadConfig({
    ...process.env,
    DATABASE_PATH: join(folder, "test.db"),
    JWT_SECRET: process.env["JWT_SECRET"] ?? randomBytes(32).toString("hex"),
    LOG_LEVEL: "silent",
    PORT: "0",
  });
  await migrate(config);
  const db = openDatabase(config);
  const log = createLogger(config);
  let passed = 0;
  const clock = (): Date => new Date(Date.now() + passed);
  const base = { config, db, log, clock, metrics: createMetrics() };
  const context: Context = { ...base, ...createLive(base), extensions };
  const app = await createApp(context);
  await app.ready();
  after(async () => {
    await app.close();
    await db.destroy();
    rmSync(folder, { recursive: true, force: true });
  });
  const ask: Backend["ask"] = async (method, path, { token, body, headers = {} } = {}) => {
    passed += PAUSE_MS;
    const response = await app.inject({
      method,
      url: path,
      headers: {
        ...headers,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && {
        payload: typeof body === "string" ? body : JSON.stringify(body),
      }),
    });
    const parsed: unknown = response.body === "" ? {} : JSON.parse(response.body);
    return {
      status: response.statusCode,
      body: parsed as Body,
      headers: response.headers,
    };
  };
  return { app, context, ask };
}

export function find(name: string): EntityUnderTest {
  const entity = entities.find((one) => one.name === name);
  if (entity === undefined) throw new Error(`there is no entity ${name}`);
  return entity;
}

/** A body that is like no other in what must be unique. */
export function bodyOf(entity: EntityUnderTest): Body {
  return unlike(entity, entity.body);
}

/** Values that no other row has where rows may not have the same. */
export function unlike(entity: EntityUnderTest, values: Readonly<Record<string, unknown>>): Body {
  const body: Body = { ...values };
  for (const { column, most } of entity.unique) {
    const before = body[column];
    const mark = randomBytes(6).toString("hex");
    const text = typeof before === "string" ? before : "";
    const full = text.includes("@") ? `${mark}${text}` : `${text}${mark}`;
    body[column] = most === null ? full : full.slice(-most);
  }
  return body;
}

/** Signs up and logs in; `null` where the entity does not let anyone. */
export async function signUp(backend: Backend, entity: EntityUnderTest): Promise<User | null> {
  if (entity.login === null || !entity.open) return null;
  const body = bodyOf(entity);
  for (const need of entity.needs) {
    const made = await make(backend, find(need.entity));
    if (made === null) return null;
    body[need.column] = made;
  }
  const created = await backend.ask("POST", `/${entity.table}`, { body });
  if (created.status !== 201) return null;
  const id = String(created.body["id"]);
  const identifier = entity.login === "id" ? id : String(body[entity.login]);
  const token = await logIn(backend, entity, identifier);
  return { id, token, entity, identifier };
}

export async function logIn(
  backend: Backend,
  entity: EntityUnderTest,
  identifier: string,
): Promise<string> {
  const answer = await backend.ask("POST", `/auth/${entity.table}/login`, {
    body: { [entity.login ?? "id"]: identifier, password: PASSWORD },
  });
  if (answer.status !== 200) throw new Error(`no login as ${entity.name}: ${answer.status}`);
  return String(answer.body["token"]);
}

const admins = new WeakMap<Backend, Promise<User | null>>();

/** A caller that may read and write every row. */
export function admin(backend: Backend): Promise<User | null> {
  let found = admins.get(backend);
  found ??= makeAdmin(backend);
  admins.set(backend, found);
  return found;
}

async function makeAdmin(backend: Backend): Promise<User | null> {
  for (const entity of entities) {
    if (entity.login === null || !entity.open || entity.needs.length > 0) continue;
    const user = await signUp(backend, entity);
    const described = known.find(({ name }) => name === entity.name);
    if (user === null || described === undefined) continue;
    await grantRole(backend.context.db, described, user.id, "admin", new Date());
    return { ...user, token: await logIn(backend, entity, user.identifier) };
  }
  return null;
}

/** The body of a capability, with ids of rows where it takes some; `null` where there is no such row. */
export async function inputOf(
  { parameters }: CapabilityUnderTest,
  rowOf: (entity: EntityUnderTest) => Promise<string | null>,
): Promise<Body | null> {
  const input: Body = {};
  for (const { name, entity, many, value } of parameters) {
    if (entity === null) {
      input[name] = value;
      continue;
    }
    const id = await rowOf(find(entity));
    if (id === null) return null;
    input[name] = many ? [id] : id;
  }
  return input;
}

/** Makes a row with all that it needs, and gives its id; `null` where the API has no way to. */
export async function make(
  backend: Backend,
  entity: EntityUnderTest,
  values: Body = {},
): Promise<string | null> {
  const answer = await tryMake(backend, entity, values);
  return answer?.status === 201 ? String(answer.body["id"]) : null;
}

export async function tryMake(
  backend: Backend,
  entity: EntityUnderTest,
  values: Body = {},
  depth = 0,
): Promise<Answer | null> {
  if (!entity.creatable || depth > 8) return null;
  const body = { ...bodyOf(entity), ...values };
  for (const need of entity.needs) {
    if (need.column in body) continue;
    const made = await tryMake(backend, find(need.entity), {}, depth + 1);
    if (made?.status !== 201) return null;
    body[need.column] = made.body["id"];
  }
  const token = entity.open ? undefined : (await admin(backend))?.token;
  return backend.ask("POST", `/${entity.table}`, { token, body });
}

export const unknownId = (): string => randomUUID();
