import assert from "node:assert/strict";
import { test } from "node:test";

import { bipartiteMatching } from "../../src/algorithms/bipartite-matching.ts";

test("pairs are turned around where that makes more of them", () => {
  const edges = [
    { from: "a", to: "x" },
    { from: "a", to: "y" },
    { from: "b", to: "x" },
  ];
  assert.deepEqual(bipartiteMatching(["a", "b", "c"], ["x", "y"], edges), { a: "y", b: "x" });
  assert.deepEqual(bipartiteMatching([], [], []), {});
});

test("as many as trying all of them finds, each along an edge", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const most = (
    left: string[],
    edges: { from: string; to: string }[],
    taken: Set<string>,
  ): number => {
    const [first, ...rest] = left;
    if (first === undefined) return 0;
    const ways = edges
      .filter(({ from, to }) => from === first && !taken.has(to))
      .map(({ to }) => 1 + most(rest, edges, new Set([...taken, to])));
    return Math.max(most(rest, edges, taken), ...ways);
  };
  for (let round = 0; round < 100; round += 1) {
    const [left, right] = [
      ["a", "b", "c", "d", "e"],
      ["v", "w", "x", "y", "z"],
    ];
    const edges = left.flatMap((from) =>
      right.filter(() => random(3) === 0).map((to) => ({ from, to })),
    );
    const pairs = Object.entries(bipartiteMatching(left, right, edges));
    assert.equal(pairs.length, most(left, edges, new Set()));
    assert.equal(new Set(pairs.map(([, to]) => to)).size, pairs.length);
    for (const [from, to] of pairs) {
      assert.ok(edges.some((edge) => edge.from === from && edge.to === to));
    }
  }
});

test("an edge to nowhere is refused", () => {
  assert.throws(
    () => bipartiteMatching(["a"], ["x"], [{ from: "a", to: "z" }]),
    /leads from no node/,
  );
});
