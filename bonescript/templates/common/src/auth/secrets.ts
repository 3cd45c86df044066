/** Where secrets and roles are kept: a secret in the column that the entity has for it, else in a table of its own. */
import { sql } from "kysely";

import { column, type BaseRow, type Entity } from "../entities/definition.ts";
import type { Executor } from "../entities/rows.ts";

/** The hashed secret of a row. */
export async function secretOf(db: Executor, entity: Entity, row: BaseRow): Promise<string | null> {
  const secret = entity.auth?.secret ?? null;
  if (secret !== null) {
    const held = column(row, secret.column);
    return held instanceof Uint8Array ? Buffer.from(held).toString() : typeof held === "string" ? held : null;
  }
  const { rows } = await sql<{ secret_hash: string }>`
    select secret_hash from credentials where entity = ${entity.name} and subject_id = ${row.id}`.execute(db);
  return rows[0]?.secret_hash ?? null;
}

/** The column with a hash, to be written with the row; nothing where the secret is kept apart. */
export function secretColumn(entity: Entity, hash: string): Readonly<Record<string, unknown>> {
  const secret = entity.auth?.secret ?? null;
  if (secret === null) return {};
  return { [secret.column]: secret.bytes ? new Uint8Array(Buffer.from(hash)) : hash };
}

/** Keeps the secret of an entity that has no column for it. */
export async function keepSecret(
  db: Executor,
  entity: Entity,
  id: string,
  hash: string,
  now: Date,
): Promise<void> {
  if (entity.auth === null || entity.auth.secret !== null) return;
  const kind = entity.auth.method === "apikey" ? "api_key" : "password";
  await sql`
    insert into credentials (entity, subject_id, kind, secret_hash, hint, created_at)
    values (${entity.name}, ${id}, ${kind}, ${hash}, ${""}, ${now.toISOString()})`.execute(db);
}

/** The roles that were granted to a row. */
export async function rolesOf(db: Executor, entity: Entity, id: string): Promise<string[]> {
  const { rows } = await sql<{ role: string }>`
    select role from roles where entity = ${entity.name} and subject_id = ${id} order by granted_at, role`.execute(db);
  return rows.map(({ role }) => role);
}

export async function grantRole(db: Executor, entity: Entity, id: string, role: string, now: Date): Promise<void> {
  await sql`
    insert into roles (entity, subject_id, role, granted_at)
    values (${entity.name}, ${id}, ${role}, ${now.toISOString()})
    on conflict do nothing`.execute(db);
}

export async function revokeRole(db: Executor, entity: Entity, id: string, role: string): Promise<void> {
  await sql`
    delete from roles where entity = ${entity.name} and subject_id = ${id} and role = ${role}`.execute(db);
}
