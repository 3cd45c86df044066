/** The value that `k` of 100 are not above, by linear interpolation between ranks: O(n log n). */
import { listOf, numberOf, wrong } from "./values.ts";

/** `k` is from 0 to 100; 0 where there are no values. */
export function percentile(values: unknown, k: unknown): number {
  const part = numberOf(k, "`k`");
  if (!(part >= 0 && part <= 100)) throw wrong("a percentile is from 0 to 100");
  const sorted = Float64Array.from(listOf(values, "`values`"), (value) =>
    numberOf(value, "a value"),
  ).sort();
  const rank = (part / 100) * Math.max(0, sorted.length - 1);
  const low = sorted[Math.floor(rank)] ?? 0;
  const high = sorted[Math.ceil(rank)] ?? 0;
  return low + (high - low) * (rank - Math.floor(rank));
}
