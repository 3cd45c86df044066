/** Dijkstra's algorithm with a binary heap: O((V + E) log V). */
import { entriesOf, fieldOf, listOf, nameOf, numberOf, wrong } from "./values.ts";

export interface Path {
  /** From the source to the target, both among them. */
  path: string[];
  distance: number;
}

/** `graph` says for each node where it leads to: `{ a: [{ node: "b", weight: 3 }] }`. `null` where no way leads there. */
export function shortestPath(graph: unknown, source: unknown, target: unknown): Path | null {
  const edges = readGraph(graph);
  const [start, end] = [nameOf(source, "the source"), nameOf(target, "the target")];
  if (!edges.has(start) || !edges.has(end)) return null;
  const distances = new Map([[start, 0]]);
  const before = new Map<string, string>();
  const done = new Set<string>();
  const heap = new Heap();
  heap.push(start, 0);
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) {
    const { node, distance } = next;
    if (node === end) return { path: wayTo(end, before), distance };
    // An entry that a shorter way has made obsolete.
    if (done.has(node)) continue;
    done.add(node);
    for (const [neighbour, weight] of edges.get(node) ?? []) {
      const through = distance + weight;
      if (through < (distances.get(neighbour) ?? Infinity)) {
        distances.set(neighbour, through);
        before.set(neighbour, node);
        heap.push(neighbour, through);
      }
    }
  }
  return null;
}

/** Nodes that are only led to are in it too. */
function readGraph(graph: unknown): Map<string, [string, number][]> {
  const edges = new Map<string, [string, number][]>();
  const known = (node: string): [string, number][] => {
    const list = edges.get(node) ?? [];
    edges.set(node, list);
    return list;
  };
  for (const [node, neighbours] of entriesOf(graph, "the graph")) {
    const list = known(node);
    for (const neighbour of listOf(neighbours, `\`${node}\` of the graph`)) {
      const name = nameOf(fieldOf(neighbour, "node"), "the node of an edge");
      const weight = numberOf(fieldOf(neighbour, "weight"), "the weight of an edge");
      if (weight < 0) throw wrong("the weight of an edge is not negative");
      known(name);
      list.push([name, weight]);
    }
  }
  return edges;
}

function wayTo(target: string, before: ReadonlyMap<string, string>): string[] {
  const path = [target];
  for (let node = before.get(target); node !== undefined; node = before.get(node)) path.push(node);
  return path.reverse();
}

interface Entry {
  node: string;
  distance: number;
}

/** The entry with the least distance is on top. */
class Heap {
  readonly #entries: Entry[] = [];

  push(node: string, distance: number): void {
    const entry = { node, distance };
    let at = this.#entries.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#entries[above];
      if (parent === undefined || parent.distance <= distance) break;
      this.#entries[at] = parent;
      at = above;
    }
    this.#entries[at] = entry;
  }

  pop(): Entry | undefined {
    const top = this.#entries[0];
    const last = this.#entries.pop();
    if (top === undefined || last === undefined || this.#entries.length === 0) return top;
    let at = 0;
    for (;;) {
      const left = this.#entries[2 * at + 1];
      const right = this.#entries[2 * at + 2];
      const child =
        right !== undefined && left !== undefined && right.distance < left.distance ? right : left;
      if (child === undefined || child.distance >= last.distance) break;
      this.#entries[at] = child;
      at = 2 * at + (child === right ? 2 : 1);
    }
    this.#entries[at] = last;
    return top;
  }
}
