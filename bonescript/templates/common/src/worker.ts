/** A loop in the background: does one piece of work after another, sleeps when there is none. */
import type { Logger } from "./logger.ts";

export interface WorkerOptions {
  /** For the log. */
  readonly name: string;
  /** The longest sleep; work that is due later, or that another process left, is found by it. */
  readonly intervalMs: number;
  /** How many pieces are done at a time. */
  readonly lanes: number;
  /** Does one piece; `false` where there is none. */
  readonly work: (signal: AbortSignal) => Promise<boolean>;
  readonly log: Logger;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #stopping = new AbortController();
  readonly #sleepers = new Set<() => void>();
  #lanes: Promise<void>[] = [];
  /** Counts calls of `wake`, so that one between looking for work and falling asleep is not lost. */
  #wakes = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#lanes.length > 0) return;
    this.#lanes = Array.from({ length: this.#options.lanes }, () => this.#run());
  }

  /** Says that there is work now. */
  wake(): void {
    this.#wakes += 1;
    for (const sleeper of [...this.#sleepers]) sleeper();
  }

  /** Takes up nothing new, and waits a while for what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await grace(Promise.all(this.#lanes));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const wakes = this.#wakes;
      let found = false;
      try {
        found = await this.#options.work(signal);
      } catch (error) {
        // The database is away, most likely: the interval is the pause before the next try.
        this.#options.log.error({ err: error, worker: this.#options.name }, "worker failed");
      }
      if (!found && wakes === this.#wakes && !signal.aborted) await this.#sleep();
    }
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      const awake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(awake);
        resolve();
      };
      const timer = setTimeout(awake, this.#options.intervalMs);
      this.#sleepers.add(awake);
    });
  }
}

/** An orchestrator expects an end within seconds; what is cut off is taken up again by the next process. */
const GRACE_MS = 1000;

/** Waits for `work`, but not for long. */
export async function grace(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GRACE_MS);
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
}

/** The pause before attempt `attempt` + 1: twofold each time up to `mostMs`, a random half of it so that many don't come at once. */
export function backoffMs(attempt: number, firstMs: number, mostMs: number): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full / 2 + (Math.random() * full) / 2);
}

/** `date` and so many milliseconds, as the database has it. */
export function later(date: Date, ms: number): string {
  return new Date(date.getTime() + ms).toISOString();
}

/** Gives up waiting for `work` after `ms`. The work itself is told by its signal. */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(ms);
  const either = AbortSignal.any([signal, deadline]);
  let late: (() => void) | undefined;
  const over = new Promise<never>((_, reject) => {
    late = (): void => {
      reject(new Error(`not done within ${String(ms)} ms`));
    };
    deadline.addEventListener("abort", late, { once: true });
  });
  try {
    return await Promise.race([work(either), over]);
  } finally {
    if (late !== undefined) deadline.removeEventListener("abort", late);
  }
}
