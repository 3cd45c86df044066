/** How much a participant may send. */

/** A participant may send so many messages at once, */
export const BURST = 20;
/** and so many each second on average. */
export const PER_SECOND = 10;
/** The largest message that is accepted, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** A client that so many bytes wait for is too slow, and cut off; it comes back with the last id that it has seen. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;
/** So many connections a participant may have to one channel. */
export const MAX_CONNECTIONS = 8;
/** The most messages that are sent to somebody who comes (back); more are read with `GET …/messages`. */
export const MAX_HISTORY = 500;
/** Senders that are remembered; the map is swept beyond it. */
const MAX_BUCKETS = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** One bucket of tokens for each sender. */
export class SendLimit {
  readonly #buckets = new Map<string, Bucket>();

  /** 0 if it may be sent, else in how many milliseconds. */
  take(sender: string, nowMs: number): number {
    const bucket = this.#buckets.get(sender) ?? { tokens: BURST, at: nowMs };
    const refilled = bucket.tokens + (Math.max(0, nowMs - bucket.at) / 1000) * PER_SECOND;
    bucket.tokens = Math.min(BURST, refilled);
    bucket.at = nowMs;
    this.#buckets.set(sender, bucket);
    if (this.#buckets.size > MAX_BUCKETS) this.#sweep(nowMs);
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / PER_SECOND) * 1000);
    bucket.tokens -= 1;
    return 0;
  }

  #sweep(nowMs: number): void {
    for (const [sender, bucket] of this.#buckets) {
      // It is full again, like one that was never there.
      if (nowMs - bucket.at > (BURST / PER_SECOND) * 1000) this.#buckets.delete(sender);
    }
  }
}
