import assert from "node:assert/strict";
import { test } from "node:test";

import { percentile } from "../../src/algorithms/percentile.ts";

test("between two ranks it is interpolated", () => {
  assert.equal(percentile([10n, 9, 30], 50n), 10);
  assert.equal(percentile([1, 2, 3, 4], 50), 2.5);
  assert.equal(percentile([1, 2, 3, 4], 0), 1);
  assert.equal(percentile([1, 2, 3, 4], 100), 4);
  assert.equal(percentile([100, 9], 100), 100);
  assert.equal(percentile([], 50), 0);
  assert.throws(() => percentile([1], 101), /from 0 to 100/);
});
