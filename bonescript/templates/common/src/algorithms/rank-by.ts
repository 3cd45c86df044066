/** Sorted by a score that is computed once for each item: O(n log n). */
import { wrong } from "./values.ts";

/** A sorted copy; items of one score stay in their order, those without one come last. */
export async function rankBy<Item>(
  items: readonly Item[],
  score: (item: Item) => unknown,
  order: unknown = "asc",
): Promise<Item[]> {
  if (order !== "asc" && order !== "desc") throw wrong("the order is `asc` or `desc`");
  const scored: { item: Item; score: number | bigint | undefined }[] = [];
  for (const item of items) scored.push({ item, score: numeric(await score(item)) });
  const direction = order === "asc" ? 1 : -1;
  scored.sort((left, right) => {
    if (left.score === undefined || right.score === undefined) {
      return Number(left.score === undefined) - Number(right.score === undefined);
    }
    return left.score < right.score ? -direction : left.score > right.score ? direction : 0;
  });
  return scored.map(({ item }) => item);
}

function numeric(value: unknown): number | bigint | undefined {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && !Number.isNaN(value) ? value : undefined;
}
