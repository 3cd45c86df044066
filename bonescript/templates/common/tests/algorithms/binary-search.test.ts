import assert from "node:assert/strict";
import { test } from "node:test";

import { binarySearch } from "../../src/algorithms/binary-search.ts";

test("the first of equal ones, or -1", () => {
  const items = [1n, 3, 3n, 7, 9_007_199_254_740_993n];
  assert.deepEqual(
    [1, 3, 7n, 9_007_199_254_740_993n, 9_007_199_254_740_992n, 0, 10].map((item) =>
      binarySearch(items, item),
    ),
    [0n, 1n, 3n, 4n, -1n, -1n, -1n],
  );
  assert.equal(binarySearch([], 1), -1n);
  assert.equal(binarySearch(["a", "b", "c"], "c"), 2n);
  assert.equal(binarySearch([new Date(1), new Date(2)], new Date(2)), 1n);
});

test("what has no order is refused", () => {
  assert.throws(() => binarySearch(["a"], 1), /no order/);
  assert.throws(() => binarySearch([{}], 1), /have an order/);
});
