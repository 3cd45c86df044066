import assert from "node:assert/strict";
import { test } from "node:test";

import { roundRobin } from "../../src/algorithms/round-robin.ts";

test("each worker in turn", () => {
  assert.deepEqual(roundRobin([1, 2, 3, 4, 5], ["a", "b"]), { a: [1, 3, 5], b: [2, 4] });
  assert.deepEqual(roundRobin([1], [{ id: "w1" }, { id: "w2" }]), { w1: [1], w2: [] });
  assert.deepEqual(roundRobin([1], []), {});
});
