/** Flows: capabilities one after another, undone in the opposite order when one fails, whatever dies in between. */
import { readCaller } from "../caller.ts";
import type { Caller, Context } from "../context.ts";
import { Problem } from "../errors.ts";
import { Worker, grace } from "../worker.ts";
import type { Flow } from "./definition.ts";
import { drive } from "./drive.ts";
import { flows } from "./index.ts";
import { beginRun, claimRun, findRun, saveRun, type Run } from "./store.ts";

/** How often runs that a dead process has left are looked for. */
const INTERVAL_MS = 1000;

export class Flows {
  readonly #stopping = new AbortController();
  readonly #driven = new Set<Promise<Run>>();
  #worker: Worker | undefined;

  start(context: Context): void {
    this.#worker = new Worker({
      name: "flows",
      intervalMs: INTERVAL_MS,
      lanes: 2,
      log: context.log,
      work: async (signal) => {
        const run = await claimRun(context);
        if (run === undefined) return false;
        const flow = flows.find(({ name }) => name === run.flow);
        if (flow === undefined) {
          const error = new Problem("NOT_FOUND", `there is no flow \`${run.flow}\` any more`);
          await saveRun(context, { ...run, status: "stuck", error, locked_until: null });
        } else {
          await drive(context, flow, run, signal);
        }
        return true;
      },
    });
    this.#worker.start();
  }

  /** Begins a run and takes it as far as it goes at once. */
  async begin(
    context: Context,
    flow: Flow,
    body: unknown,
    caller: Caller,
    key: string | null,
  ): Promise<Run> {
    flow.check(body === undefined ? {} : body);
    const { run, isNew } = await beginRun(context, flow.name, body, caller, key);
    if (!isNew) return run;
    const driven = drive(context, flow, run, this.#stopping.signal);
    this.#driven.add(driven);
    try {
      return await driven;
    } finally {
      this.#driven.delete(driven);
    }
  }

  /** A run of this caller. */
  async find(context: Context, flow: Flow, id: string, caller: Caller): Promise<Run> {
    const run = await findRun(context, flow.name, id);
    if (run === undefined) throw new Problem("NOT_FOUND", "there is no such run");
    if (readCaller(run.caller).id !== caller.id) {
      throw new Problem("FORBIDDEN", "this is the run of somebody else");
    }
    return run;
  }

  /** Runs stop after the step that they are in; the next process goes on. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#worker?.stop(), grace(Promise.allSettled(this.#driven))]);
  }
}
