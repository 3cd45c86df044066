import assert from "node:assert/strict";
import { test } from "node:test";

import { shortestPath } from "../../src/algorithms/shortest-path.ts";

test("the cheapest way, not the one with the fewest edges", () => {
  const graph = {
    a: [
      { node: "b", weight: 1 },
      { node: "c", weight: 5n },
    ],
    b: [{ node: "c", weight: 1.5 }],
  };
  assert.deepEqual(shortestPath(graph, "a", "c"), { path: ["a", "b", "c"], distance: 2.5 });
  assert.deepEqual(shortestPath(graph, "a", "a"), { path: ["a"], distance: 0 });
  assert.equal(shortestPath(graph, "c", "a"), null);
  assert.equal(shortestPath(graph, "x", "x"), null);
});

test("as long as trying all ways, on graphs of any shape", () => {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 100; round += 1) {
    const nodes = ["a", "b", "c", "d", "e", "f"];
    const graph = Object.fromEntries(
      nodes.map((node) => [
        node,
        nodes.filter(() => random(3) === 0).map((other) => ({ node: other, weight: random(9) })),
      ]),
    );
    // Bellman and Ford.
    const distances = new Map([["a", 0]]);
    for (let step = 0; step < nodes.length; step += 1) {
      for (const [node, edges] of Object.entries(graph)) {
        for (const edge of edges) {
          const through = (distances.get(node) ?? Infinity) + edge.weight;
          if (through < (distances.get(edge.node) ?? Infinity)) distances.set(edge.node, through);
        }
      }
    }
    for (const node of nodes) {
      assert.equal(shortestPath(graph, "a", node)?.distance, distances.get(node));
    }
  }
});

test("what is no graph is refused", () => {
  assert.throws(() => shortestPath({ a: [{ node: "b", weight: -1 }] }, "a", "b"), /not negative/);
  assert.throws(() => shortestPath({ a: [{ node: "b" }] }, "a", "b"), /is a number/);
  assert.throws(() => shortestPath([], "a", "b"), /is an object/);
});
