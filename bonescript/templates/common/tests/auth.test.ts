/** Signing up, logging in, and being asked who one is. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, PASSWORD, signUp, start } from "./support.ts";
import { entities } from "./system.ts";

const backend = await start();

test("the process lives and is ready", async () => {
  assert.equal((await backend.ask("GET", "/health/live")).status, 200);
  assert.equal((await backend.ask("GET", "/health/ready")).status, 200);
});

test("the API is described", async () => {
  const { status, body } = await backend.ask("GET", "/openapi.json");
  assert.equal(status, 200);
  assert.equal(body["openapi"], "3.1.0");
});

for (const entity of entities) {
  test(`${entity.name}: nobody reads without a token`, async () => {
    const { status, body } = await backend.ask("GET", `/${entity.table}`);
    assert.equal(status, 401);
    assert.deepEqual(Object.keys(body), ["error"]);
  });

  test(`${entity.name}: a token that is none is refused`, async () => {
    const { status } = await backend.ask("GET", `/${entity.table}`, { token: "a.b.c" });
    assert.equal(status, 401);
  });

  if (entity.login === null || !entity.open) continue;
  test(`${entity.name}: signs up, logs in, and is known`, async (t) => {
    const user = await signUp(backend, entity);
    if (user === null) return t.skip("the example does not meet a condition of the program");
    const me = await backend.ask("GET", "/auth/me", { token: user.token });
    assert.equal(me.status, 200);
    assert.equal(me.body["id"], user.id);
    assert.equal(me.body["entity"], entity.name);
    const text = JSON.stringify(me.body);
    assert.ok(!text.includes(PASSWORD));
    for (const name of entity.hidden) assert.ok(!text.includes(`"${name}"`), `${name} is shown`);
  });

  test(`${entity.name}: another password does not log in`, async (t) => {
    const user = await signUp(backend, entity);
    if (user === null) return t.skip("the example does not meet a condition of the program");
    const { status } = await backend.ask("POST", `/auth/${entity.table}/login`, {
      body: { [entity.login ?? "id"]: user.identifier, password: `${PASSWORD}!` },
    });
    assert.equal(status, 401);
  });

  test(`${entity.name}: a token is good until its owner logs out`, async (t) => {
    const user = await signUp(backend, entity);
    if (user === null) return t.skip("the example does not meet a condition of the program");
    const { token } = user;
    const other = await logIn(backend, entity, user.identifier);
    assert.equal((await backend.ask("GET", "/auth/me", { token })).status, 200);
    assert.equal((await backend.ask("POST", "/auth/logout", { token })).status, 204);
    assert.equal((await backend.ask("GET", "/auth/me", { token })).status, 401);
    assert.equal((await backend.ask("GET", "/auth/me", { token: other })).status, 200);
  });
}
