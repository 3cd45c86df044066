/**
 * Takes a run of a flow on from where it stands: the next steps, or after a failure the undoing of those that were done,
 * the last first. How far it has come is written down after each, so that whoever goes on repeats nothing.
 */
import { readCaller } from "../caller.ts";
import { callCapability } from "../capabilities/registry.ts";
import type { Context } from "../context.ts";
import { Problem } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";
import { backoffMs, later } from "../worker.ts";
import type { Flow, Step, StepCall } from "./definition.ts";
import type { Run } from "./store.ts";
import { LEASE_MS, saveRun } from "./store.ts";

/** So often a step is tried that fails for no fault of the caller; then the flow counts as failed. */
const MOST_ATTEMPTS = 8;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/** Returns the run as it is when it is over, is put off, or `signal` has aborted. */
export async function drive(
  context: Context,
  flow: Flow,
  run: Run,
  signal: AbortSignal,
): Promise<Run> {
  let at = run;
  while (at.status === "running" || at.status === "compensating") {
    if (signal.aborted) return await saveRun(context, { ...at, locked_until: null });
    const next =
      at.status === "running"
        ? await forward(context, flow, at)
        : await backward(context, flow, at);
    at = await saveRun(context, next);
    // Put off: the worker takes it up again when it is due.
    if (at.locked_until === null) return at;
  }
  return at;
}

async function forward(context: Context, flow: Flow, run: Run): Promise<Run> {
  const step = flow.steps[run.step];
  if (step === undefined) return ended(context, run, "done");
  try {
    const answer = await step.run(run.body, run.state.results, stepCall(context, run, step, false));
    const results = { ...run.state.results, [step.name]: plain(answer) };
    return renewed(context, {
      ...run,
      step: run.step + 1,
      attempts: 0,
      state: { ...run.state, results },
    });
  } catch (error) {
    if (!isRefusal(error) && run.attempts + 1 < MOST_ATTEMPTS) return putOff(context, run, error);
    context.log.warn({ err: error, flow: flow.name, run: run.id, step: step.name }, "flow failed");
    return renewed(context, {
      ...run,
      status: "compensating",
      attempts: 0,
      error: told(step, error),
    });
  }
}

async function backward(context: Context, flow: Flow, run: Run): Promise<Run> {
  const step = flow.steps[run.step - 1];
  if (step === undefined)
    return ended(context, run, run.state.kept.length > 0 ? "stuck" : "failed");
  const before = { ...run, step: run.step - 1, attempts: 0 };
  if (step.undo === null) return renewed(context, before);
  try {
    await step.undo(run.body, run.state.results, stepCall(context, run, step, true));
    return renewed(context, before);
  } catch (error) {
    if (!isRefusal(error) && run.attempts + 1 < MOST_ATTEMPTS) return putOff(context, run, error);
    // Somebody has to look at it; the steps before are undone all the same.
    context.log.error(
      { err: error, flow: flow.name, run: run.id, step: step.name },
      "step not undone",
    );
    return renewed(context, {
      ...before,
      state: { ...run.state, kept: [...run.state.kept, step.name] },
    });
  }
}

function stepCall(context: Context, run: Run, step: Step, undo: boolean): StepCall {
  const caller = readCaller(run.caller);
  const key = `flow:${run.id}:${step.name}${undo ? ":undo" : ""}`;
  return {
    context,
    caller,
    key,
    call: (capability, input) =>
      callCapability(capability, {
        context,
        caller,
        // As it would come from outside.
        input: plain(input),
        idempotencyKey: key,
        // The steps after it may be about a row that it has made.
        ids: true,
        // The program takes back what it did; who began it need not be allowed to.
        trusted: undo,
      }),
  };
}

/** Dates and whole numbers as JSON has them. */
function plain(value: unknown): unknown {
  return parseJson(stringifyJson(value));
}

function renewed(context: Context, run: Run): Run {
  return { ...run, locked_until: later(context.clock(), LEASE_MS) };
}

function putOff(context: Context, run: Run, error: unknown): Run {
  context.log.warn({ err: error, flow: run.flow, run: run.id }, "step put off");
  const attempts = run.attempts + 1;
  const pause = backoffMs(attempts, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  return { ...run, attempts, locked_until: null, available_at: later(context.clock(), pause) };
}

function ended(context: Context, run: Run, status: "done" | "failed" | "stuck"): Run {
  return { ...run, status, locked_until: null, finished_at: context.clock().toISOString() };
}

/** It would be refused the next time too. */
function isRefusal(error: unknown): boolean {
  return error instanceof Problem && error.status < 500 && error.status !== 429;
}

function told(step: Step, error: unknown): Problem {
  const problem =
    error instanceof Problem ? error : new Problem("INTERNAL", "something went wrong on our side");
  const { code, message, details } = problem;
  return new Problem(code, `step \`${step.name}\`: ${message}`, { ...(details && { details }) });
}
