/** A ring of FNV-1a hashes: the same node for the same key, and few keys move when nodes come or go. O(N log N). */
import { listOf, nameOf, numberOf, wrong } from "./values.ts";

/** A node that is on the ring more often than this only costs time. */
const MOST_REPLICAS = 10_000;

/** The node that `key` belongs to; `null` where there are no nodes. */
export function consistentHash(
  key: unknown,
  nodes: unknown,
  replicas: unknown = 100,
): string | null {
  const count = numberOf(replicas, "`replicas`");
  if (!(count >= 1 && count <= MOST_REPLICAS))
    throw wrong(`replicas are from 1 to ${MOST_REPLICAS}`);
  const ring: { at: number; node: string }[] = [];
  for (const name of new Set(listOf(nodes, "`nodes`").map((node) => nameOf(node, "a node")))) {
    for (let replica = 0; replica < count; replica += 1) {
      ring.push({ at: fnv1a(`${name}#${replica}`), node: name });
    }
  }
  // Where two nodes meet, their names decide, so that the order in which they are given doesn't.
  ring.sort((left, right) => left.at - right.at || (left.node < right.node ? -1 : 1));
  const at = fnv1a(nameOf(key, "the key"));
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ring[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return (ring[low] ?? ring[0])?.node ?? null;
}

/** 32 bits of the hash of Fowler, Noll and Vo over UTF-8. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
