/** Binary search: O(log n). */
import { listOf, wrong } from "./values.ts";

/** The index of `target` in `items`, which are sorted; of several, that of the first. -1 where it is not there. */
export function binarySearch(items: unknown, target: unknown): bigint {
  const list = listOf(items, "`items`");
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (compare(list[middle], target) < 0) low = middle + 1;
    else high = middle;
  }
  return low < list.length && compare(list[low], target) === 0 ? BigInt(low) : -1n;
}

/** Numbers and times by their size, texts by their code units. 1 is the same as 1n. */
function compare(left: unknown, right: unknown): number {
  const [a, b] = [ordered(left), ordered(right)];
  if (typeof a === "string" || typeof b === "string") {
    if (typeof a !== typeof b) throw wrong("texts and numbers have no order");
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function ordered(value: unknown): string | number | bigint {
  if (value instanceof Date) return value.getTime();
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return value;
  throw wrong("only texts, numbers and times have an order");
}
