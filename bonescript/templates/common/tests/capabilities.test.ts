/** Capabilities: who may not, what is refused, and that a key makes it happen once. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { admin, inputOf, make, start } from "./support.ts";
import { capabilities } from "./system.ts";

const backend = await start();

for (const capability of capabilities) {
  if (!capability.open) {
    test(`${capability.name}: nobody without a token`, async () => {
      const { status } = await backend.ask("POST", capability.path, { body: {} });
      assert.equal(status, 401);
    });
  }

  test(`${capability.name}: what it is given is checked`, async (t) => {
    const root = await admin(backend);
    if (root === null) return t.skip("nobody can sign up");
    const { token } = root;
    const path = capability.path;
    const unknown = await backend.ask("POST", path, { token, body: { no_such_parameter_1: 1 } });
    assert.equal(unknown.status, 400);
    if (capability.needed) {
      assert.equal((await backend.ask("POST", path, { token, body: {} })).status, 400);
    }
    const headers = { "idempotency-key": "" };
    assert.ok((await backend.ask("POST", path, { token, body: {}, headers })).status >= 400);
  });

  test(`${capability.name}: the same key gives the same answer, another body is a conflict`, async (t) => {
    const root = await admin(backend);
    const input = await inputOf(capability, (entity) => make(backend, entity));
    if (root === null || input === null) return t.skip("its rows are made by capabilities only");
    const headers = { "idempotency-key": randomUUID() };
    const asked = { token: root.token, body: input, headers };
    const first = await backend.ask("POST", capability.path, asked);
    if (first.status !== 501) assert.ok(first.status < 500, JSON.stringify(first.body));
    if (first.status !== 200) return;
    const second = await backend.ask("POST", capability.path, asked);
    assert.deepEqual(second.body, first.body);
    const other = capability.parameters.find(({ entity }) => entity === null);
    if (other === undefined || typeof other.value !== "number") return;
    const body = { ...input, [other.name]: other.value + 1 };
    assert.equal((await backend.ask("POST", capability.path, { ...asked, body })).status, 409);
  });
}
