/** Rows that are put into the database by hand, and callers that they are: what the API lets nobody make is there too. */
import { randomUUID } from "node:crypto";

import { createKey } from "../src/auth/keys.ts";
import { hashPassword } from "../src/auth/passwords.ts";
import { keepSecret, secretColumn } from "../src/auth/secrets.ts";
import type { Entity } from "../src/entities/definition.ts";
import { entities as known } from "../src/entities/index.ts";
import { insertRow } from "../src/entities/rows.ts";
import { problemOf } from "../src/problems.ts";
import { find, logIn, PASSWORD, unlike, type Backend } from "./support.ts";
import { entities, type EntityUnderTest } from "./system.ts";

/** Who sends a request. */
export interface Caller {
  readonly id: string;
  readonly entity: EntityUnderTest;
  readonly headers: Record<string, string>;
}

interface Planted {
  readonly id: string;
  readonly key: string | null;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Chains of rows that are longer than this lead in a circle. */
const MAX_DEPTH = 8;

let hash: Promise<string> | undefined;

/** The password as it is kept: hashed once, but for entities whose secrets are kept apart, where no two are the same. */
async function secretOf({ auth }: Entity): Promise<string> {
  const apart = auth !== null && auth.secret === null;
  return apart ? await hashPassword(PASSWORD) : await (hash ??= hashPassword(PASSWORD));
}

/** Puts a row and all that it needs; `null` where the example does not meet a condition of the program. */
async function put(
  backend: Backend,
  entity: EntityUnderTest,
  given: Readonly<Record<string, unknown>>,
  depth: number,
): Promise<Planted | null> {
  const described = known.find(({ name }) => name === entity.name);
  if (described === undefined || depth > MAX_DEPTH) return null;
  const values = { ...unlike(entity, entity.row), ...given };
  for (const { column, entity: name } of entity.needs) {
    if (column in values) continue;
    const needed = await put(backend, find(name), {}, depth + 1);
    if (needed === null) return null;
    values[column] = needed.id;
  }
  const { db } = backend.context;
  const id = randomUUID();
  const now = new Date();
  const key = entity.keyed ? createKey(entity.table, id) : null;
  const secret = key?.hash ?? (await secretOf(described));
  try {
    const held = described.auth === null ? {} : secretColumn(described, secret);
    await insertRow(db, described, { ...values, ...held, id }, now);
    await keepSecret(db, described, id, secret, now);
  } catch (error) {
    if (problemOf(error).status < 500) return null;
    throw error;
  }
  return { id, key: key?.key ?? null, values };
}

/** Puts a row that belongs to `owner`, or to somebody. */
export async function plant(
  backend: Backend,
  entity: EntityUnderTest,
  owner: string | null = null,
): Promise<string | null> {
  const steps = entity.owner?.steps ?? [];
  if (owner === null || steps.length === 0) return (await put(backend, entity, {}, 0))?.id ?? null;
  const values = await leadingTo(backend, entity, owner);
  return values === null ? null : ((await put(backend, entity, values, 0))?.id ?? null);
}

/** The column of a new row that makes it belong to `owner`, with the rows between them. */
export async function leadingTo(
  backend: Backend,
  entity: EntityUnderTest,
  owner: string,
): Promise<Record<string, string> | null> {
  const [first, ...rest] = entity.owner?.steps ?? [];
  if (first === undefined) return {};
  let id = owner;
  for (const [at, { column }] of [...rest.entries()].reverse()) {
    const table = at === 0 ? first.table : rest[at - 1]?.table;
    const between = entities.find((one) => one.table === table);
    const row = between && (await put(backend, between, { [column]: id }, 0));
    if (!row) return null;
    id = row.id;
  }
  return { [first.column]: id };
}

/** A new caller of an entity that logs in, or has a key. */
export async function newCaller(backend: Backend, entity: EntityUnderTest): Promise<Caller | null> {
  const row = await put(backend, entity, {}, 0);
  if (row === null) return null;
  if (row.key !== null) return { id: row.id, entity, headers: { "x-api-key": row.key } };
  const identifier = entity.login === "id" ? row.id : String(row.values[entity.login ?? "id"]);
  const token = await logIn(backend, entity, identifier);
  return { id: row.id, entity, headers: { authorization: `Bearer ${token}` } };
}

/** A new caller of each kind. */
export async function newCallers(backend: Backend): Promise<Caller[]> {
  const all: Caller[] = [];
  for (const entity of entities.filter(({ login, keyed }) => login !== null || keyed)) {
    const made = await newCaller(backend, entity);
    if (made !== null) all.push(made);
  }
  return all;
}
