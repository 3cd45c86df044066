import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCron } from "../../src/jobs/cron.ts";

function due(cron: string, ...times: string[]): boolean[] {
  const parsed = parseCron(cron);
  return times.map((time) => parsed.matches(new Date(time)));
}

test("fields, ranges, lists and steps", () => {
  assert.deepEqual(due("0 3 * * *", "2026-01-01T03:00:30Z", "2026-01-01T03:01:00Z"), [true, false]);
  assert.deepEqual(due("*/15 9-17 * * 1-5", "2026-01-05T09:45:00Z", "2026-01-04T09:45:00Z"), [
    true,
    false,
  ]);
  assert.deepEqual(due("5,10/20 * * * *", "2026-01-01T00:05:00Z", "2026-01-01T00:50:00Z"), [
    true,
    true,
  ]);
  assert.deepEqual(due("0 0 * * 7", "2026-01-04T00:00:00Z"), [true]);
});

test("where both days are limited, either will do", () => {
  const days = ["2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z", "2026-01-14T00:00:00Z"];
  assert.deepEqual(due("0 0 13 * 5", ...days), [true, true, false]);
});

test("what is no time is refused with the field that is wrong", () => {
  for (const [cron, message] of [
    ["* * * *", /five fields/],
    ["60 * * * *", /no minute/],
    ["* * 0 * *", /no day of the month/],
    ["* 5-3 * * *", /no hour/],
    ["*/0 * * * *", /no minute/],
    ["* * * jan *", /no month/],
  ] as const) {
    assert.throws(() => parseCron(cron), message);
  }
});
