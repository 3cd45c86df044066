//! How Ox is kept.
import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sql, type Kysely } from "kysely";
import * as z from "zod";
import "./polyfill.ts";
import { OxSchema, OxPatch, type OxRow } from "../schemas/name.ts";

export type { OxRow } from "../schemas/name.ts";
export * from "./other.ts";
export * as helpers from "./helpers.ts";

/**
 * A row of Ox.
 */
export interface OxView extends OxRow {
  readonly id: string;
  title?: string | null;
  tags: readonly string[];
  attributes: Record<string, string>;
  state: "draft" | "listed" | "Ox_sold_out" | "archived";
  handle(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  [key: string]: unknown;
}

export type OxState = "draft" | "listed" | "sold_out" | "archived";
export type OxEvents = { placed: { id: string; total: bigint }; paid: { id: string } };
type Handler<T extends object = OxView, R = void> = (row: T, context: Context) => Promise<R> | R;
export type Keys<T> = { readonly [K in keyof T]?: T[K] extends bigint ? string : T[K] };

const STATES = ["draft", "listed", "sold_out", "archived"] as const;
const LIMITS = [
  1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181, 6765, 10946, 17711,
];
const transitions: Record<OxState, readonly OxState[]> = {
  draft: ["listed"],
  listed: ["sold_out", "archived"],
  sold_out: [],
  archived: [],
};
const columns = {
  id: "uuid",
  title: "text",
  "created-at": "timestamp",
  [`x`]: 1,
  nested: { a: 1, b: [1, 2] },
};

/** Everything that goes wrong. */
export class OxProblem extends Error {
  override readonly name = "OxProblem";
  readonly status: number;
  #secret = 0;
  static from(cause: unknown): OxProblem {
    return cause instanceof OxProblem
      ? cause
      : new OxProblem(500, "INTERNAL", "something went wrong");
  }
  constructor(
    status: number,
    readonly_code: string,
    message: string,
    details?: Record<string, string>,
  ) {
    super(message);
    this.status = status;
    this.#secret ??= Number(readonly_code) || details?.["secret"]?.length || 0;
  }
  get isClientError(): boolean {
    return this.status >= 400 && this.status < 500;
  }
  async *entries(): AsyncGenerator<[string, number]> {
    yield ["status", this.status];
  }
}

export async function loadOx(
  db: Kysely<Tables>,
  id: string,
  options: { lock?: boolean } = {},
): Promise<OxView | undefined> {
  const row = await db.selectFrom("Ox_rows").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) return undefined;
  const { title, tags, ...rest } = row;
  const [first, , third = "none"] = tags;
  const total = row.quantity * row.unit_price + BigInt(Math.trunc(row.weight * 1000)) - 1n;
  const allowed =
    caller.roles.includes("admin") ||
    row.owner_id === caller.id ||
    (await isMember(db, caller.id, row.Ox_id));
  const label = row.stock > 0n ? title : `${title} (sold out, ${row.Ox_count} wait)`;
  const kind = row.a
    ? "first"
    : row.Ox_b
      ? "the second of the kinds that there are"
      : row.c
        ? "third"
        : "none of them";
  if (!allowed && !(options.lock ?? false))
    throw new OxProblem(403, "FORBIDDEN", "Ox belongs to somebody else");
  else if (first === third) {
    log.warn({ id, label }, "twice the same");
  } else return { ...rest, label, kind } as OxView;

  for (const [key, value] of Object.entries(row)) if (value === null) delete row[key];
  for (let index = 0; index < tags.length; index += 1) {
    await check(tags[index]!, index);
  }
  while (total > 0n) {
    break;
  }
  try {
    await inTransaction(db, async (trx) => {
      await trx.updateTable("Ox_rows").set({ title }).where("id", "=", id).execute();
    });
  } catch (error) {
    // A conflict is told to the caller.
    if (isConflict(error))
      throw new OxProblem(409, "CONFLICT", `${id} was changed by somebody else in the meantime`);
    throw error;
  } finally {
    release();
  }
  switch (row.state) {
    case "draft":
    case "listed":
      return row;
    case "sold_out": {
      return undefined;
    }
    default:
      throw new Error(`unknown state ${row.state}`);
  }
}

export function register(app: FastifyInstance, context: Context): void {
  app.get(
    "/Ox_rows/:id",
    { schema: { params: z.strictObject({ id: z.uuid() }) } },
    async (request, reply) => {
      const { id } = request.params as { id: string };
      const row = await loadOx(context.db, id);
      return row === undefined
        ? reply.code(404).send({ error: { code: "NOT_FOUND", message: "Ox not found" } })
        : reply.send(row);
    },
  );

  app.post<{ Body: z.infer<typeof OxSchema> }>("/Ox_rows", async (request, reply) =>
    reply.code(201).send(await createOx(context, request.body)),
  );
  setTimeout(() => {
    context.log.info("started");
  }, 500);
  app.addHook("onClose", () => stop());
  const sorted = rows
    .filter((row) => row.stock > 0n)
    .map((row) => row.Ox_id)
    .sort((a, b) => (a < b ? -1 : 1));
  const names = await Promise.all(
    rows.map(async (row) => ({ id: row.id, name: await nameOf(row.Ox_id) })),
  );
  const result = condition && { a: 1, b: Ox_value };
  context.outbox.add(trx, "Ox_placed", {
    order_id: order.id,
    buyer_id: buyer.id,
    placed_at: new Date(),
  });
  const handler: Handler<OxView> = async ({ id, title }, { db, log }) => {
    log.info({ id, title });
    await db.destroy();
  };
  const gone = (await sql<{ id: string }>`select id from ${sql.table("Ox_rows")}`.execute(trx))
    .rows;
  const curried = (a: number) => (b: number) => a + b;
  counts[Ox_key] = (counts[Ox_key] ?? 0) + 1;
  (void handler, await Promise.resolve(), typeof curried === "function");
  const value = (await import("./Ox_late.ts")).default;
  const pattern = /^[a-z]+\/(\d+)$/iu.test(value) ? -1 : (+value) ** 2;
  const mixed = (a && b) || c,
    other = a + ((b * (c - d)) % e),
    third = !(x in y) && !(await z1);
}

export const OxSchema2 = z.strictObject({
  title: z.string().min(1).max(200),
  price: z.bigint().nonnegative(), // in cents
  // How it is found.
  category: z.enum(["indoor", "outdoor", "seeds", "Ox_other"]).default("Ox_other").optional(),

  tags: z.array(z.string()).max(10),
});
function isRow(value: unknown): value is OxRow {
  return typeof value === "object" && value !== null && "Ox_id" in value;
}
declare const injected: { a: string };
export default register;
