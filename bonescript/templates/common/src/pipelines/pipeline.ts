/**
 * Steps in a row, or side by side, inside of the transaction of their capability. Each is behind a savepoint, so that a
 * step that fails leaves nothing in the database, whatever is done about it.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { sql } from "kysely";

import type { Call } from "../capabilities/definition.ts";
import { callCapability, isWithheld, type CapabilityName } from "../capabilities/registry.ts";
import { Moved } from "../capabilities/rows.ts";
import { Problem } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";

export interface Step {
  /** Under which later steps find what it gave. */
  readonly name: string | null;
  /** A function of the user, which may wait for others; else a capability. */
  readonly outside: boolean;
  /** Fields of what it gives that never leave the server. */
  readonly hidden: readonly string[];
  readonly run: () => Promise<unknown>;
}

export interface PipelineOptions {
  /** Functions of the user run at the same time; capabilities after them, one by one, as they may change the same rows. */
  readonly parallel: boolean;
  /**
   * `rollback`: the capability fails, and nothing of it stays. `compensate`: the same, and `undo` is called before.
   * `ignore`: the next step runs. `retry`: the step runs again, and the capability fails when that is of no use.
   */
  readonly onError: "rollback" | "compensate" | "ignore" | "retry";
  /** Takes back what steps did outside of the database; what they did in it is rolled back anyway. */
  readonly undo: (() => Promise<unknown>) | null;
  readonly steps: readonly Step[];
}

export interface PipelineAnswer {
  /** What the steps with a name gave; `null` of those that failed and were ignored. */
  readonly results: Readonly<Record<string, unknown>>;
  /** What the last step gave. */
  readonly last: unknown;
}

/** So often a step is tried. */
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 50;

/** What steps give, by their names. Whoever reads the result of a step that has failed, fails too. */
export function results<Results extends object>(): Results {
  const given: Record<string, unknown> = {};
  const read = (name: string | symbol): unknown => {
    if (typeof name === "string" && Object.hasOwn(given, name)) return given[name];
    throw new Problem("PRECONDITION_FAILED", `the step \`${String(name)}\` gave nothing`);
  };
  // Only `runPipeline` sets anything in it: what the steps of these names give.
  return new Proxy(given, { get: (_given, name) => read(name) }) as Results;
}

export async function runPipeline(
  call: Call,
  given: object,
  options: PipelineOptions,
): Promise<PipelineAnswer> {
  const { parallel, steps } = options;
  const answers = new Map<Step, unknown>();
  const run = async (step: Step, alone: boolean): Promise<void> => {
    const answer = await attempt(call, options, step, alone);
    answers.set(step, answer === null ? null : shown(answer.given, step.hidden));
    if (step.name !== null && answer !== null) Reflect.set(given, step.name, answer.given);
  };
  try {
    const together = steps.filter((step) => parallel && step.outside);
    if (together.length > 0) {
      await behindSavepoint(call, async () => {
        const ends = await Promise.allSettled(together.map((step) => run(step, false)));
        // Nothing may still be under way when the transaction ends.
        for (const end of ends) if (end.status === "rejected") throw end.reason;
      });
    }
    for (const step of steps) if (!together.includes(step)) await run(step, true);
  } catch (error) {
    if (options.undo !== null) await undo(call, options.undo);
    throw error;
  }
  const named = steps.flatMap((step) =>
    step.name === null ? [] : [[step.name, answers.get(step) ?? null] as const],
  );
  const last = steps.at(-1);
  return {
    results: Object.fromEntries<unknown>(named),
    last: last === undefined ? null : (answers.get(last) ?? null),
  };
}

/** What a step gave; `null` where it failed and that is to be ignored. */
async function attempt(
  call: Call,
  options: PipelineOptions,
  step: Step,
  alone: boolean,
): Promise<{ given: unknown } | null> {
  const most = options.onError === "retry" ? ATTEMPTS : 1;
  for (let made = 1; ; made += 1) {
    try {
      return { given: await (alone ? behindSavepoint(call, step.run) : step.run()) };
    } catch (error) {
      // All begins anew then.
      if (error instanceof Moved) throw error;
      if (made < most && !call.signal.aborted) {
        await pause(FIRST_PAUSE_MS * 2 ** (made - 1));
        continue;
      }
      if (options.onError !== "ignore") throw error;
      call.context.log.warn({ err: error, step: step.name }, "step ignored");
      return null;
    }
  }
}

async function behindSavepoint<T>(call: Call, work: () => Promise<T>): Promise<T> {
  const name = sql.id(`step_${randomUUID()}`);
  await sql`savepoint ${name}`.execute(call.trx);
  try {
    const result = await work();
    await sql`release savepoint ${name}`.execute(call.trx);
    return result;
  } catch (error) {
    await sql`rollback to savepoint ${name}`.execute(call.trx);
    await sql`release savepoint ${name}`.execute(call.trx);
    throw error;
  }
}

async function undo(call: Call, work: () => Promise<unknown>): Promise<void> {
  try {
    await behindSavepoint(call, work);
  } catch (error) {
    // The first error is the one that counts.
    call.context.log.error({ err: error }, "compensation failed");
  }
}

function shown(value: unknown, hidden: readonly string[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isWithheld(value)) return null;
  if (hidden.length === 0) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => shown(one, hidden));
  // Times, bytes, maps and sets hold no rows.
  if (![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null))
    return value;
  const left = Object.entries(value).filter(([name]) => !hidden.includes(name));
  return Object.fromEntries(left.map(([name, inner]) => [name, shown(inner, hidden)]));
}

/** Has another capability done as a part of this one, by the same caller. */
export async function callWithin(
  call: Call,
  capability: CapabilityName,
  input: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const answer = await callCapability(capability, {
    context: call.context,
    caller: call.caller,
    // As it would come from outside.
    input: parseJson(stringifyJson(input)),
    trx: call.trx,
    signal: call.signal,
    trusted: call.trusted,
  });
  return answer.result ?? answer.created ?? answer.entity;
}
