/** Runs of flows in the database. */
import { randomUUID } from "node:crypto";

import { z } from "zod";

import { writeCaller } from "../caller.ts";
import type { Caller, Context } from "../context.ts";
import { skipLocked } from "../database/claim.ts";
import { Problem, isProblemCode } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";
import { later } from "../worker.ts";

/** For so long a run is whose it is; longer than a step takes. A process that dies leaves it for another after that time. */
export const LEASE_MS = 60_000;

export type RunStatus = "running" | "compensating" | "done" | "failed" | "stuck";

export interface RunState {
  /** What the steps have answered. */
  readonly results: Readonly<Record<string, unknown>>;
  /** Steps that could not be undone. */
  readonly kept: readonly string[];
}

export interface Run {
  readonly id: string;
  readonly flow: string;
  readonly body: unknown;
  readonly caller: string;
  readonly state: RunState;
  readonly status: RunStatus;
  /** How many steps are done, and not undone. */
  readonly step: number;
  readonly attempts: number;
  readonly available_at: string;
  readonly locked_until: string | null;
  /** Why it failed. */
  readonly error: Problem | null;
  readonly finished_at: string | null;
}

interface RunRow extends Omit<Run, "body" | "state" | "error"> {
  readonly input: string;
  readonly state: string;
  readonly error: string | null;
}

const COLUMNS = [
  "id",
  "flow",
  "input",
  "caller",
  "state",
  "status",
  "step",
  "attempts",
  "available_at",
  "locked_until",
  "error",
  "finished_at",
] as const;

const stateSchema = z.object({
  results: z.record(z.string(), z.unknown()),
  kept: z.array(z.string()),
});
const errorSchema = z.object({
  code: z.string().refine(isProblemCode),
  message: z.string(),
  details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

function read(row: RunRow): Run {
  const { input, state, error, ...rest } = row;
  const told = error === null ? null : errorSchema.parse(parseJson(error));
  return {
    ...rest,
    body: parseJson(input),
    state: stateSchema.parse(parseJson(state)),
    error: told === null ? null : problemOf(told),
  };
}

function problemOf({ code, message, details }: z.infer<typeof errorSchema>): Problem {
  return new Problem(code, message, { ...(details && { details }) });
}

/** A new run, claimed; or the one that the same caller began with the same key. */
export async function beginRun(
  context: Context,
  flow: string,
  body: unknown,
  caller: Caller,
  key: string | null,
): Promise<{ run: Run; isNew: boolean }> {
  const now = context.clock();
  const input = stringifyJson(body ?? {});
  const idempotencyKey = key === null ? null : `${caller.id}:${key}`;
  const row = await context.db
    .insertInto("flow_run")
    .values({
      id: randomUUID(),
      flow,
      input,
      caller: writeCaller(caller),
      state: stringifyJson({ results: {}, kept: [] }),
      status: "running",
      step: 0,
      attempts: 0,
      available_at: now.toISOString(),
      locked_until: later(now, LEASE_MS),
      created_at: now.toISOString(),
      idempotency_key: idempotencyKey,
    })
    .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
    .returning(COLUMNS)
    .executeTakeFirst();
  if (row !== undefined) return { run: read(row), isNew: true };
  const before = await context.db
    .selectFrom("flow_run")
    .select(COLUMNS)
    .where("idempotency_key", "=", idempotencyKey)
    .executeTakeFirstOrThrow();
  if (before.flow !== flow || before.input !== input) {
    throw new Problem("CONFLICT", "this `Idempotency-Key` was used for another request");
  }
  return { run: read(before), isNew: false };
}

export async function findRun(
  context: Context,
  flow: string,
  id: string,
): Promise<Run | undefined> {
  const row = await context.db
    .selectFrom("flow_run")
    .select(COLUMNS)
    .where("id", "=", id)
    .where("flow", "=", flow)
    .executeTakeFirst();
  return row === undefined ? undefined : read(row);
}

/** A run that is due, and that nobody is working on. */
export async function claimRun(context: Context): Promise<Run | undefined> {
  const now = context.clock();
  const at = now.toISOString();
  const row = await context.db
    .updateTable("flow_run")
    .set({ locked_until: later(now, LEASE_MS) })
    .where("id", "=", (eb) =>
      skipLocked(
        eb
          .selectFrom("flow_run")
          .select("id")
          .where("status", "in", ["running", "compensating"])
          .where("available_at", "<=", at)
          .where((free) =>
            free.or([free("locked_until", "is", null), free("locked_until", "<=", at)]),
          )
          .orderBy("available_at")
          .limit(1),
      ),
    )
    .returning(COLUMNS)
    .executeTakeFirst();
  return row === undefined ? undefined : read(row);
}

export async function saveRun(context: Context, run: Run): Promise<Run> {
  await context.db
    .updateTable("flow_run")
    .set({
      state: stringifyJson(run.state),
      status: run.status,
      step: run.step,
      attempts: run.attempts,
      available_at: run.available_at,
      locked_until: run.locked_until,
      error: run.error === null ? null : stringifyJson(run.error.toBody().error),
      finished_at: run.finished_at,
    })
    .where("id", "=", run.id)
    .execute();
  return run;
}
