/** What is wrong is said in one form, also where no route was reached. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { start } from "./support.ts";
import { codeOf, listen } from "./wire.ts";

const backend = await start();
const { send } = await listen(backend);

test("what is no request has a problem as its answer", async () => {
  assert.equal(codeOf(await send("NONSENSE\r\n\r\n")), "VALIDATION_FAILED");
  const nowhere = await send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
  assert.equal(codeOf(nowhere), "VALIDATION_FAILED");
  const large = `GET / HTTP/1.1\r\nHost: a\r\nX-Large: ${"a".repeat(100_000)}\r\n\r\n`;
  assert.equal(codeOf(await send(large)), "PAYLOAD_TOO_LARGE");
});

test("OPTIONS that no browser sends has a problem as its answer", async () => {
  const { status, body } = await backend.ask("OPTIONS", "/health/live");
  assert.equal(status, 400);
  assert.equal((body["error"] as { code: string }).code, "VALIDATION_FAILED");
  const headers = { origin: "https://example.com", "access-control-request-method": "GET" };
  assert.equal((await backend.ask("OPTIONS", "/health/live", { headers })).status, 204);
});
