/** The algorithm of Hopcroft and Karp: O(E √V). */
import { fieldOf, listOf, nameOf, wrong } from "./values.ts";

/** As many pairs as there can be, each along one of `edges`: `{ from: "a", to: "x" }`. Who stays alone is not in the answer. */
export function bipartiteMatching(
  left: unknown,
  right: unknown,
  edges: unknown,
): Record<string, string> {
  const graph = new Map(
    listOf(left, "`left`").map((node): [string, string[]] => [nameOf(node, "a node"), []]),
  );
  const others = new Set(listOf(right, "`right`").map((node) => nameOf(node, "a node")));
  for (const edge of listOf(edges, "`edges`")) {
    const from = nameOf(fieldOf(edge, "from"), "the `from` of an edge");
    const to = nameOf(fieldOf(edge, "to"), "the `to` of an edge");
    const neighbours = graph.get(from);
    if (neighbours === undefined || !others.has(to)) {
      throw wrong(
        `the edge from \`${from}\` to \`${to}\` leads from no node on the left to one on the right`,
      );
    }
    neighbours.push(to);
  }
  const matching = new Matching(graph);
  while (matching.layer()) matching.augment();
  return Object.fromEntries(matching.pairs);
}

class Matching {
  /** From left to right, and back. */
  readonly pairs = new Map<string, string>();
  readonly #back = new Map<string, string>();
  readonly #graph: ReadonlyMap<string, readonly string[]>;
  #layers = new Map<string, number>();

  constructor(graph: ReadonlyMap<string, readonly string[]>) {
    this.#graph = graph;
  }

  /** Numbers the left nodes by how far they are from a free one; whether a free right one can be reached. */
  layer(): boolean {
    const queue = [...this.#graph.keys()].filter((node) => !this.pairs.has(node));
    this.#layers = new Map(queue.map((node) => [node, 0]));
    let last = Infinity;
    for (const node of queue) {
      const layer = this.#layers.get(node) ?? 0;
      if (layer >= last) break;
      for (const neighbour of this.#graph.get(node) ?? []) {
        const partner = this.#back.get(neighbour);
        if (partner === undefined) {
          last = layer + 1;
        } else if (!this.#layers.has(partner)) {
          this.#layers.set(partner, layer + 1);
          queue.push(partner);
        }
      }
    }
    return last !== Infinity;
  }

  /** Turns shortest ways between free nodes around, as many as do not touch each other. */
  augment(): void {
    /** How many neighbours of each node have been tried: none is tried twice in one phase. */
    const tried = new Map<string, number>();
    for (const start of this.#graph.keys()) {
      if (!this.pairs.has(start)) this.#search(start, tried);
    }
  }

  /** Depth first, without recursion: a way may be as long as there are nodes. */
  #search(start: string, tried: Map<string, number>): void {
    const way: { node: string; through: string }[] = [];
    let node: string | undefined = start;
    while (node !== undefined) {
      const neighbour: string | undefined = this.#graph.get(node)?.[tried.get(node) ?? 0];
      if (neighbour === undefined) {
        // Nothing leads on from here: one step back.
        node = way.pop()?.node;
        continue;
      }
      tried.set(node, (tried.get(node) ?? 0) + 1);
      const partner = this.#back.get(neighbour);
      if (partner === undefined) {
        way.push({ node, through: neighbour });
        for (const { node: from, through } of way) {
          this.pairs.set(from, through);
          this.#back.set(through, from);
        }
        return;
      }
      if (this.#layers.get(partner) === (this.#layers.get(node) ?? 0) + 1) {
        way.push({ node, through: neighbour });
        node = partner;
      }
    }
  }
}
