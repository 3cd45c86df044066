import assert from "node:assert/strict";
import { test } from "node:test";

import { weightedAverage } from "../../src/algorithms/weighted-average.ts";

test("heavier values count for more", () => {
  const items = [
    { value: 1, weight: 3n },
    { value: 5n, weight: 1 },
  ];
  assert.equal(weightedAverage(items), 2);
  assert.equal(weightedAverage([]), 0);
  assert.equal(weightedAverage([{ value: 3, weight: 0 }]), 0);
  assert.throws(() => weightedAverage([{ value: "3", weight: 0 }]), /is a number/);
});
