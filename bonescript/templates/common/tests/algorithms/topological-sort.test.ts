import assert from "node:assert/strict";
import { test } from "node:test";

import { topologicalSort } from "../../src/algorithms/topological-sort.ts";

test("each node comes before those that follow it", () => {
  assert.deepEqual(
    topologicalSort({ shirt: ["tie"], tie: ["jacket"], trousers: ["shoes", "jacket"] }),
    ["shirt", "trousers", "tie", "shoes", "jacket"],
  );
  assert.deepEqual(topologicalSort({}), []);
});

test("there is no order of a cycle", () => {
  assert.equal(topologicalSort({ a: ["b"], b: ["c"], c: ["a"], d: [] }), null);
  assert.equal(topologicalSort({ a: ["a"] }), null);
});
