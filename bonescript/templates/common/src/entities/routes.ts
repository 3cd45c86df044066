/** Rows over HTTP: made, read, listed, changed and removed by those whom `ownership.ts` lets. */
import { randomUUID } from "node:crypto";

import type { FastifyRequest } from "fastify";
import { sql } from "kysely";
import { z } from "zod";

import type { App } from "../app.ts";
import { callerOf, callerOrNull } from "../auth/caller.ts";
import { insertSubject, prepareSecret } from "../auth/signup.ts";
import type { Caller, Context } from "../context.ts";
import { inTransaction } from "../database/transaction.ts";
import { forbidden, notFound } from "../errors.ts";
import { writeAudit, type AuditEntry } from "../policies/audit.ts";
import { guardFor } from "../policies/guard.ts";
import { mayCreate, withOwner } from "./creation.ts";
import { present, type Entity } from "./definition.ts";
import { entities } from "./index.ts";
import { ownedBy, readsAll } from "./ownership.ts";
import { registerRelations } from "./relations.ts";
import {
  equals,
  idOf,
  mayWrite,
  pageOf,
  paging,
  parsed,
  parsedBody,
  readable,
} from "./requests.ts";
import { deleteRow, insertRow, lockRows, updateRow } from "./rows.ts";

export function register(app: App, context: Context): void {
  for (const entity of entities) {
    registerEntity(app, context, entity);
    registerRelations(app, context, entity);
  }
}

function registerEntity(app: App, context: Context, entity: Entity): void {
  const { table } = entity;
  const { db } = context;
  const guard = guardFor({ entity: entity.name });
  const query = z.strictObject({ ...paging, ...optional(entity.filters) });

  /** What every route does first, and then every one that needs a caller. */
  const enter = (request: FastifyRequest): Caller => {
    const caller = callerOf(request);
    guard.limit(request, caller, context.clock().getTime());
    guard.admit(caller);
    return caller;
  };
  const audit = async (
    trx: Parameters<typeof writeAudit>[0],
    request: FastifyRequest,
    caller: Caller | null,
    entry: Pick<AuditEntry, "action" | "id" | "status">,
  ): Promise<void> => {
    if (!guard.audit) return;
    const details = request.body ?? null;
    const action = `${table}.${entry.action}`;
    const full = {
      ...entry,
      action,
      caller,
      table,
      outcome: "done",
      requestId: request.id,
      details,
    } as const;
    await writeAudit(trx, full, context.clock());
  };

  app.post(`/${table}`, async (request, reply) => {
    const open = entity.auth?.open === true;
    const caller = open ? callerOrNull(request) : enter(request);
    if (open) guard.limit(request, caller, context.clock().getTime());
    if (entity.create === null) {
      throw forbidden(
        `rows of ${entity.name} are made by ${entity.madeBy.map((name) => `\`${name}\``).join(", ")}`,
      );
    }
    const { password, ...given } = parsedBody(entity.create, request.body);
    const values = caller === null ? given : withOwner(entity, given, caller);
    const id = randomUUID();
    const secret = entity.auth === null ? null : await prepareSecret(entity, id, password);
    const row = await inTransaction(db, async (trx) => {
      if (!open && caller !== null) await mayCreate(trx, entity, values, caller);
      const now = context.clock();
      const full = { ...values, id };
      const made =
        secret === null
          ? await insertRow(trx, entity, full, now)
          : await insertSubject(trx, entity, full, secret.hash, now);
      await audit(trx, request, caller, { action: "create", id, status: 201 });
      return made;
    });
    const shown = present(entity, row);
    const key = secret?.key ?? null;
    return reply.code(201).send(key === null ? shown : { ...shown, api_key: key });
  });

  app.get<{ Params: { id: string } }>(`/${table}/:id`, async (request) => {
    const caller = enter(request);
    return present(entity, await readable(context, entity, idOf(request.params.id), caller));
  });

  app.get(`/${table}`, async (request) => {
    const caller = enter(request);
    const { page, page_size, ...filters } = parsed(query, request.query);
    const conditions = Object.entries(filters).flatMap(([name, value]) =>
      value === undefined ? [] : [equals(entity, name, value)],
    );
    if (!readsAll(entity, caller)) {
      conditions.push(ownedBy(entity, caller) ?? sql`1 = 0`);
    }
    return pageOf(context, entity, conditions, { page, pageSize: page_size });
  });

  app.put<{ Params: { id: string } }>(`/${table}/:id`, async (request) => {
    const caller = enter(request);
    const id = idOf(request.params.id);
    const values = parsedBody(entity.update, request.body);
    const row = await inTransaction(db, async (trx) => {
      const [before] = await lockRows(trx, entity, [id], "update");
      if (before === undefined) throw notFound(entity.name);
      await mayWrite(trx, entity, before, caller);
      // Nobody gives a row away, or takes one, by naming another owner.
      const moved = entity.owner?.steps[0]?.column;
      if (moved !== undefined && moved in values)
        await mayWrite(trx, entity, { ...before, ...values }, caller);
      const changed = await updateRow(trx, entity, id, values, context.clock());
      await audit(trx, request, caller, { action: "update", id, status: 200 });
      return changed ?? before;
    });
    return present(entity, row);
  });

  app.delete<{ Params: { id: string } }>(`/${table}/:id`, async (request, reply) => {
    const caller = enter(request);
    const id = idOf(request.params.id);
    await inTransaction(db, async (trx) => {
      const [before] = await lockRows(trx, entity, [id], "exclusive");
      if (before === undefined) throw notFound(entity.name);
      await mayWrite(trx, entity, before, caller);
      await deleteRow(trx, entity, id);
      await audit(trx, request, caller, { action: "delete", id, status: 204 });
    });
    return reply.code(204).send();
  });
}

function optional(filters: Entity["filters"]): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(filters).map(([name, schema]) => [name, schema.optional()]),
  );
}
