/** How often a transaction is tried, and how long it may take. */
import { setTimeout as pause } from "node:timers/promises";

/** Limits of a transaction. */
export interface Attempts {
  /** The most attempts, the first among them; 3 unless it says otherwise. Only what certainly left nothing behind is tried again. */
  readonly attempts?: number;
  /** How the pause grows. */
  readonly backoff?: "fixed" | "linear" | "exponential";
  /** The first pause, in milliseconds. */
  readonly interval?: number;
  /** After this many milliseconds, all attempts together, it is given up and rolled back. */
  readonly timeoutMs?: number;
}

/** A transaction took too long; nothing of it has happened. */
export class TransactionTimeout extends Error {
  override readonly name = "TransactionTimeout";
  constructor() {
    super("the transaction took too long and was rolled back");
  }
}

/** What to call after the commit, by transaction. */
export const commitHooks = new WeakMap<object, (() => void)[]>();

/** Calls what waited for the commit. What one of them throws cannot undo it any more, and is only told. */
export function callHooks(hooks: readonly (() => void)[]): void {
  for (const hook of hooks) {
    try {
      hook();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}

const LONGEST_PAUSE_MS = 30_000;

/** Runs `work` until it goes well, fails for good, or the attempts or the time are used up. It is told how many milliseconds are left. */
export async function attempt<T>(
  options: Attempts,
  isAgain: (error: unknown) => boolean,
  work: (left: number | undefined) => Promise<T>,
): Promise<T> {
  const { attempts = 3, backoff = "exponential", interval = 20, timeoutMs } = options;
  const end = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  const left = (): number | undefined =>
    end === undefined ? undefined : Math.max(1, Math.ceil(end - performance.now()));
  for (let made = 1; ; made += 1) {
    try {
      return await work(left());
    } catch (error) {
      if (made >= attempts || !isAgain(error)) throw error;
      const grown = {
        fixed: interval,
        linear: interval * made,
        exponential: interval * 2 ** (made - 1),
      };
      // Two that met once shall not meet again.
      const wait = Math.min(grown[backoff], LONGEST_PAUSE_MS) * (0.5 + Math.random());
      if (end !== undefined && performance.now() + wait >= end) throw new TransactionTimeout();
      await pause(wait);
    }
  }
}

/** The result of `work`, or a timeout: whoever still uses the transaction afterwards finds it ended. */
export async function withDeadline<T>(left: number | undefined, work: Promise<T>): Promise<T> {
  if (left === undefined) return work;
  const timer = new AbortController();
  const late = pause(left, undefined, { signal: timer.signal }).then(() => {
    throw new TransactionTimeout();
  });
  // Ended by us when the work is done in time.
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    work.catch(() => undefined);
  }
}
