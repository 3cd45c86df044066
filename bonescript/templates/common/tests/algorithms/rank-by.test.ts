import assert from "node:assert/strict";
import { test } from "node:test";

import { rankBy } from "../../src/algorithms/rank-by.ts";

test("items of one score stay in their order, those without one come last", async () => {
  const scores = new Map<string, unknown>([
    ["a", 1],
    ["b", 3n],
    ["c", 1],
    ["d", null],
  ]);
  const items = ["d", "a", "b", "c"];
  const score = (item: string): Promise<unknown> => Promise.resolve(scores.get(item));
  assert.deepEqual(await rankBy(items, score), ["a", "c", "b", "d"]);
  assert.deepEqual(await rankBy(items, score, "desc"), ["b", "a", "c", "d"]);
  assert.deepEqual(items, ["d", "a", "b", "c"]);
  await assert.rejects(rankBy(items, score, "up"), /`asc` or `desc`/);
});
