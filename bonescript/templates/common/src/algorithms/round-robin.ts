/** Each in turn: O(n). */
import { listOf, nameOf } from "./values.ts";

/** Which items each of the workers gets. Without workers, nobody gets anything. */
export function roundRobin<Item>(items: readonly Item[], workers: unknown): Record<string, Item[]> {
  const names = listOf(workers, "`workers`").map((worker) => nameOf(worker, "a worker"));
  const shares = new Map(names.map((name): [string, Item[]] => [name, []]));
  items.forEach((item, at) => {
    shares.get(names[at % names.length] ?? "")?.push(item);
  });
  return Object.fromEntries(shares);
}
