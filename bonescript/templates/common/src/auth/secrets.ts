/** Where secrets and roles are kept: a secret in the column that the entity has for it, else in a table of its own. */
import { column, type BaseRow, type Entity } from "../entities/definition.ts";
import type { Executor } from "../entities/rows.ts";

/** The hashed secret of a row. */
export async function secretOf(db: Executor, entity: Entity, row: BaseRow): Promise<string | null> {
  const secret = entity.auth?.secret ?? null;
  if (secret !== null) {
    const held = column(row, secret.column);
    return held instanceof Uint8Array
      ? Buffer.from(held).toString()
      : typeof held === "string"
        ? held
        : null;
  }
  const kept = await db
    .selectFrom("credential")
    .select("secret_hash")
    .where("entity", "=", entity.name)
    .where("subject_id", "=", row.id)
    .executeTakeFirst();
  return kept?.secret_hash ?? null;
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
  const created_at = now.toISOString();
  const kept = {
    entity: entity.name,
    subject_id: id,
    kind,
    secret_hash: hash,
    hint: "",
    created_at,
  };
  await db.insertInto("credential").values(kept).execute();
}

/** The roles that were granted to a row. */
export async function rolesOf(db: Executor, entity: Entity, id: string): Promise<string[]> {
  const granted = await db
    .selectFrom("role_grant")
    .select("role")
    .where("entity", "=", entity.name)
    .where("subject_id", "=", id)
    .orderBy("granted_at")
    .orderBy("role")
    .execute();
  return granted.map(({ role }) => role);
}

export async function grantRole(
  db: Executor,
  entity: Entity,
  id: string,
  role: string,
  now: Date,
): Promise<void> {
  await db
    .insertInto("role_grant")
    .values({ entity: entity.name, subject_id: id, role, granted_at: now.toISOString() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function revokeRole(
  db: Executor,
  entity: Entity,
  id: string,
  role: string,
): Promise<void> {
  await db
    .deleteFrom("role_grant")
    .where("entity", "=", entity.name)
    .where("subject_id", "=", id)
    .where("role", "=", role)
    .execute();
}
