/** To whom a new row will belong. */
import type { Caller } from "../context.ts";
import { forbidden } from "../errors.ts";
import type { BaseRow, Entity } from "./definition.ts";
import { owns, writesAll } from "./ownership.ts";
import type { Executor } from "./rows.ts";

/** The values of a new row; the owner is the caller where the body names none. */
export function withOwner(
  entity: Entity,
  values: Partial<BaseRow>,
  caller: Caller,
): Partial<BaseRow> {
  const [first, ...rest] = entity.owner?.steps ?? [];
  if (first === undefined || rest.length > 0 || entity.owner?.entity !== caller.entity)
    return values;
  return { [first.column]: caller.id, ...values };
}

/** Throws a problem of 403 unless the caller may make this row. */
export async function mayCreate(
  db: Executor,
  entity: Entity,
  values: Partial<BaseRow>,
  caller: Caller,
): Promise<void> {
  if (writesAll(entity, caller)) return;
  // A row that logs in is nobody's yet; who makes it must own what it belongs to.
  const maker = entity.auth === null ? entity.owner : entity.auth.sponsor;
  if (maker === null) throw forbidden(`rows of ${entity.name} are not yours to make`);
  if (await owns(db, { ...entity, owner: maker }, values, caller)) return;
  throw forbidden(`this ${entity.name} would belong to somebody else`);
}
