/** An upgrade that is refused says why, as every other answer does. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { channels } from "../../src/channels/definitions.ts";
import type { ChannelDefinition } from "../../src/channels/types.ts";
import { start } from "../support.ts";
import { codeOf, listen } from "../wire.ts";

const { send } = await listen(await start());
const [path] = Object.values<ChannelDefinition>(channels)
  .filter(({ transport }) => transport === "websocket" || transport === "grpc_stream")
  .map((channel) => channel.path);

/** The code that an upgrade is refused with. */
async function refusal(at: string, header: string): Promise<string> {
  const lines = [
    `GET ${at} HTTP/1.1`,
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    header,
  ];
  return codeOf(await send(`${lines.join("\r\n")}\r\n\r\n`));
}

test("an upgrade is refused with a problem", async (t) => {
  if (path === undefined) return t.skip("no channel is a WebSocket");
  assert.equal(await refusal(path, "Sec-WebSocket-Protocol: ,,"), "VALIDATION_FAILED");
  assert.equal(await refusal("/channels/no-such-channel-1", "Accept: */*"), "NOT_FOUND");
  assert.equal(await refusal(path, "Origin: https://example.com"), "FORBIDDEN");
});
