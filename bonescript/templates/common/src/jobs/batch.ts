/** Does what is queued: so many jobs at a time, those of one capability after each other, each in its own transaction. */
import { readCaller } from "../caller.ts";
import { callCapability, capabilities, type CapabilityName } from "../capabilities/registry.ts";
import type { Context } from "../context.ts";
import { skipLocked } from "../database/claim.ts";
import { Problem } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";
import { Worker, backoffMs, later } from "../worker.ts";

const GROUP = 100;
/** For so long a group is this worker's; what it has not begun by half of that time it gives back. */
const LEASE_MS = 120_000;
const MOST_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

interface QueuedJob {
  readonly id: string;
  readonly capability: string;
  readonly input: string;
  readonly caller: string;
  readonly attempts: number;
}

export function createBatchWorker(context: Context): Worker {
  return new Worker({
    name: "batch",
    intervalMs: context.config.batchIntervalMs,
    // One group after the other; the pause between them is what makes groups.
    lanes: 1,
    log: context.log,
    work: async (signal) => {
      const jobs = await claim(context);
      const started = context.clock().getTime();
      for (const job of jobs) {
        const late = context.clock().getTime() - started > LEASE_MS / 2;
        if (signal.aborted || late) await release(context, job);
        else await run(context, job, signal);
      }
      return jobs.length === GROUP;
    },
  });
}

async function claim(context: Context): Promise<QueuedJob[]> {
  const now = context.clock();
  const at = now.toISOString();
  const jobs = await context.db
    .updateTable("job_queue")
    .set((eb) => ({
      status: "running",
      locked_until: later(now, LEASE_MS),
      attempts: eb("attempts", "+", 1),
    }))
    .where("id", "in", (eb) =>
      skipLocked(
        eb
          .selectFrom("job_queue")
          .select("id")
          .where((free) =>
            free.or([
              free.and([free("status", "=", "pending"), free("available_at", "<=", at)]),
              // Its worker has died. A schedule that runs has no such time, and is nobody else's.
              free.and([free("status", "=", "running"), free("locked_until", "<=", at)]),
            ]),
          )
          .orderBy("available_at")
          .limit(GROUP),
      ),
    )
    .returning(["id", "capability", "input", "caller", "attempts"])
    .execute();
  return jobs.sort((left, right) => left.capability.localeCompare(right.capability, "en"));
}

async function run(context: Context, job: QueuedJob, signal: AbortSignal): Promise<void> {
  const { capability } = job;
  try {
    if (!isCapabilityName(capability)) {
      throw new Problem("NOT_FOUND", `there is no capability \`${capability}\` any more`);
    }
    const answer = await callCapability(capability, {
      context,
      caller: readCaller(job.caller),
      input: parseJson(job.input),
      // A worker that dies between the effects and the next line finds the answer of the first time.
      idempotencyKey: `job:${job.id}`,
      signal,
    });
    await finish(context, job, "done", stringifyJson(answer), null);
  } catch (error) {
    const refused = error instanceof Problem && error.status < 500 && error.status !== 429;
    if (!refused && job.attempts < MOST_ATTEMPTS) {
      context.log.warn({ err: error, job: job.id, capability }, "job put off");
      await putOff(context, job);
      return;
    }
    if (!refused) context.log.error({ err: error, job: job.id, capability }, "job failed");
    const problem =
      error instanceof Problem
        ? error
        : new Problem("INTERNAL", "something went wrong on our side");
    await finish(context, job, "failed", null, stringifyJson(problem.toBody().error));
  }
}

async function putOff(context: Context, job: QueuedJob): Promise<void> {
  const pause = backoffMs(job.attempts, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  await context.db
    .updateTable("job_queue")
    .set({ status: "pending", locked_until: null, available_at: later(context.clock(), pause) })
    .where("id", "=", job.id)
    .execute();
}

async function release(context: Context, job: QueuedJob): Promise<void> {
  await context.db
    .updateTable("job_queue")
    .set({ status: "pending", locked_until: null, attempts: job.attempts - 1 })
    .where("id", "=", job.id)
    .execute();
}

async function finish(
  context: Context,
  job: QueuedJob,
  status: "done" | "failed",
  result: string | null,
  error: string | null,
): Promise<void> {
  await context.db
    .updateTable("job_queue")
    .set({
      status,
      result,
      error,
      locked_until: null,
      finished_at: context.clock().toISOString(),
    })
    .where("id", "=", job.id)
    .execute();
}

function isCapabilityName(name: string): name is CapabilityName {
  return Object.hasOwn(capabilities, name);
}
