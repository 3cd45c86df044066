/**
 * So many requests in so long, for each caller or address, in the memory of this process.
 *
 * A sliding window of two counters: what the window before counted fades out while this one goes on. Memory is bounded:
 * the key that was seen first is forgotten first.
 */
import { Problem } from "../errors.ts";

/** Some 10 MB; an attacker with more addresses than this only makes old ones be forgotten. */
const MAX_KEYS = 100_000;

export interface Limit {
  requests: number;
  /** In milliseconds. */
  window: number;
}

export interface Limiter {
  /** Counts a request. Throws a problem of 429 where it is one too many. */
  take(key: string, now: number): void;
}

interface Counter {
  /** The number of the window that `current` counts. */
  window: number;
  current: number;
  before: number;
}

export function createLimiter({ requests, window }: Limit): Limiter {
  const counters = new Map<string, Counter>();

  const counterOf = (key: string, number: number): Counter => {
    const known = counters.get(key);
    if (known?.window === number) return known;
    const before = known?.window === number - 1 ? known.current : 0;
    const next = { window: number, current: 0, before };
    // Set anew, so that the order of the map is that of the last windows.
    counters.delete(key);
    counters.set(key, next);
    if (counters.size > MAX_KEYS) {
      const [oldest] = counters.keys();
      if (oldest !== undefined) counters.delete(oldest);
    }
    return next;
  };

  return {
    take(key, now) {
      const number = Math.floor(now / window);
      const counter = counterOf(key, number);
      const passed = (now % window) / window;
      if (counter.current + counter.before * (1 - passed) >= requests) {
        const seconds = Math.max(1, Math.ceil(((1 - passed) * window) / 1000));
        throw new Problem("RATE_LIMITED", `at most ${requests} requests in ${window / 1000} s`, {
          headers: { "retry-after": String(seconds) },
        });
      }
      counter.current += 1;
    },
  };
}
