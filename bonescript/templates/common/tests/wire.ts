/** Bytes that no client of HTTP would send, and what comes back for them. */
import assert from "node:assert/strict";
import { connect } from "node:net";

import type { Backend } from "./support.ts";

export interface Wire {
  /** All that comes back until the other side ends. */
  send(this: void, bytes: string): Promise<string>;
}

export async function listen({ app }: Backend): Promise<Wire> {
  const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  return {
    async send(bytes) {
      const socket = connect({ host: "127.0.0.1", port: Number(port) });
      socket.write(bytes);
      let answer = "";
      for await (const chunk of socket.setEncoding("utf8")) answer += String(chunk);
      return answer;
    },
  };
}

/** The code in an answer, which must be a problem. */
export function codeOf(answer: string): string {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  assert.match(head, /content-type: application\/json/i);
  const { error } = JSON.parse(body) as { error: { code: string; message: string } };
  assert.ok(error.message !== "");
  return error.code;
}
