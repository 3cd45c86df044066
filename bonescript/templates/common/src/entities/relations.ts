/** Relations over HTTP: `GET /<table>/:id/<relation>`, and links of rows that have many of each other. */
import type { FastifyRequest } from "fastify";
import { sql } from "kysely";
import { z } from "zod";

import type { App } from "../app.ts";
import { callerOf } from "../auth/caller.ts";
import type { Caller, Context } from "../context.ts";
import { inTransaction } from "../database/transaction.ts";
import { notFound } from "../errors.ts";
import { writeAudit } from "../policies/audit.ts";
import { guardFor } from "../policies/guard.ts";
import {
  column,
  present,
  type BaseRow,
  type Entity,
  type ManyToMany,
  type ToMany,
  type ToOne,
} from "./definition.ts";
import { ownedBy, owns, readsAll } from "./ownership.ts";
import { idOf, mayWrite, pageOf, paging, parsed, readable } from "./requests.ts";
import { findRow, findRowBy, lockRows } from "./rows.ts";

const query = z.strictObject(paging);

export function registerRelations(app: App, context: Context, entity: Entity): void {
  const guard = guardFor({ entity: entity.name });
  const enter = (request: FastifyRequest): Caller => {
    const caller = callerOf(request);
    guard.limit(request, caller, context.clock().getTime());
    guard.admit(caller);
    return caller;
  };

  for (const relation of entity.relations) {
    app.get<{ Params: { id: string } }>(
      `/${entity.table}/:id/${relation.name}`,
      async (request) => {
        const caller = enter(request);
        const row = await readable(context, entity, idOf(request.params.id), caller);
        return relation.kind === "has_many" || relation.kind === "many_to_many"
          ? many(context, entity, relation, row, caller, request.query)
          : one(context, entity, relation, row, caller);
      },
    );
    if (relation.kind === "many_to_many")
      registerLinks(app, context, entity, relation, guard.audit, enter);
  }
}

/** The one row that a relation leads to. */
async function one(
  context: Context,
  entity: Entity,
  relation: ToOne,
  row: BaseRow,
  caller: Caller,
): Promise<BaseRow> {
  const target = relation.target();
  if (relation.kind === "belongs_to") {
    const id = column(row, relation.column);
    if (typeof id !== "string") throw notFound(relation.name);
    return present(target, await readable(context, target, id, caller));
  }
  const found = await findRowBy(context.db, target, relation.column, row.id);
  if (found === null) throw notFound(relation.name);
  // What belongs to a row is its owner's, too.
  if (await owns(context.db, entity, row, caller)) return present(target, found);
  return present(target, await readable(context, target, found.id, caller));
}

/** A page of the rows that a relation leads to, save those that the caller may not read. */
async function many(
  context: Context,
  entity: Entity,
  relation: ToMany | ManyToMany,
  row: BaseRow,
  caller: Caller,
  asked: unknown,
): Promise<object> {
  const { page, page_size: pageSize } = parsed(query, asked);
  const target = relation.target();
  const conditions = [];
  if (relation.kind === "has_many") {
    conditions.push(sql`${sql.ref(relation.column)} = ${row.id}`);
  } else {
    const { table, own, other } = relation.junction;
    conditions.push(
      sql`id in (select ${sql.ref(other)} from ${sql.table(table)} where ${sql.ref(own)} = ${row.id})`,
    );
  }
  const belongs = relation.kind === "has_many" && (await owns(context.db, entity, row, caller));
  if (!belongs && !readsAll(target, caller)) conditions.push(ownedBy(target, caller) ?? sql`1 = 0`);
  return pageOf(context, target, conditions, { page, pageSize });
}

function registerLinks(
  app: App,
  context: Context,
  entity: Entity,
  relation: ManyToMany,
  audited: boolean,
  enter: (request: FastifyRequest) => Caller,
): void {
  const { table, own, other } = relation.junction;
  const target = relation.target();
  const path = `/${entity.table}/:id/${relation.name}/:other_id`;

  const change = async (
    request: FastifyRequest<{ Params: { id: string; other_id: string } }>,
    action: "link" | "unlink",
  ): Promise<void> => {
    const caller = enter(request);
    const [id, otherId] = [idOf(request.params.id), idOf(request.params.other_id)];
    await inTransaction(context.db, async (trx) => {
      const [row] = await lockRows(trx, entity, [id], "update");
      if (row === undefined) throw notFound(entity.name);
      await mayWrite(trx, entity, row, caller);
      if ((await findRow(trx, target, otherId)) === null) throw notFound(target.name);
      const where = sql`${sql.ref(own)} = ${id} and ${sql.ref(other)} = ${otherId}`;
      if (action === "unlink") {
        await sql`delete from ${sql.table(table)} where ${where}`.execute(trx);
      } else {
        await sql`
          insert into ${sql.table(table)} (${sql.ref(own)}, ${sql.ref(other)}) values (${id}, ${otherId})
          on conflict do nothing`.execute(trx);
      }
      if (!audited) return;
      const entry = {
        action: `${entity.table}.${relation.name}.${action}`,
        table: entity.table,
        id,
      };
      const details = { other_id: otherId };
      const rest = {
        caller,
        outcome: "done",
        status: 204,
        requestId: request.id,
        details,
      } as const;
      await writeAudit(trx, { ...entry, ...rest }, context.clock());
    });
  };

  app.put<{ Params: { id: string; other_id: string } }>(path, async (request, reply) => {
    await change(request, "link");
    return reply.code(204).send();
  });
  app.delete<{ Params: { id: string; other_id: string } }>(path, async (request, reply) => {
    await change(request, "unlink");
    return reply.code(204).send();
  });
}
