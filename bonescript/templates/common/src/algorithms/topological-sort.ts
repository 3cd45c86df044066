/** Kahn's algorithm: O(V + E). */
import { entriesOf, listOf, nameOf } from "./values.ts";

/**
 * `graph` says for each node which ones follow it: `{ a: ["b"] }`. Each node comes before those that follow it, and
 * otherwise in the order of the graph; `null` where there is a cycle.
 */
export function topologicalSort(graph: unknown): string[] | null {
  const followers = new Map<string, string[]>();
  const waiting = new Map<string, number>();
  for (const [node, next] of entriesOf(graph, "the graph")) {
    const names = listOf(next, `\`${node}\` of the graph`).map((name) => nameOf(name, "a node"));
    followers.set(node, names);
    waiting.set(node, waiting.get(node) ?? 0);
    for (const name of names) waiting.set(name, (waiting.get(name) ?? 0) + 1);
  }
  const order = [...waiting].filter(([, count]) => count === 0).map(([node]) => node);
  // It grows while it is gone through.
  for (const node of order) {
    for (const follower of followers.get(node) ?? []) {
      const left = (waiting.get(follower) ?? 0) - 1;
      waiting.set(follower, left);
      if (left === 0) order.push(follower);
    }
  }
  return order.length === waiting.size ? order : null;
}
