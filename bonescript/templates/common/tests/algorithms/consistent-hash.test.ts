import assert from "node:assert/strict";
import { test } from "node:test";

import { consistentHash, fnv1a } from "../../src/algorithms/consistent-hash.ts";

test("the hash is FNV-1a of 32 bits", () => {
  // From the test vectors of its authors.
  assert.deepEqual(["", "a", "foobar"].map(fnv1a), [0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});

test("few keys move when a node goes, and only those of that node", () => {
  const keys = Array.from({ length: 500 }, (_, at) => `key ${at}`);
  const nodes = ["a", "b", "c", "d"];
  for (const key of keys) {
    const before = consistentHash(key, nodes, 150n);
    const after = consistentHash(key, ["d", "a", "b"], 150n);
    if (before !== "c") assert.equal(after, before);
  }
  assert.equal(consistentHash("key", []), null);
  assert.throws(() => consistentHash("key", nodes, 0), /replicas/);
});
