/** The client against the server, over a socket. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, createClient } from "../sdk/client.ts";
import { parseJson, rows, stringifyJson } from "../sdk/http.ts";
import { admin, signUp, start } from "./support.ts";
import { entities } from "./system.ts";

const backend = await start();
const baseUrl = await backend.app.listen({ host: "127.0.0.1", port: 0 });

test("whole numbers keep their digits", () => {
  const text = '{"a":9223372036854775807,"b":-9223372036854775808,"c":1.5,"d":7}';
  assert.equal(stringifyJson(parseJson(text)), text);
});

test("a problem is an error with its code", async () => {
  const client = createClient({ baseUrl, attempts: 1 });
  const table = entities[0]?.table ?? "";
  const refused = rows(client.http, table).list();
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 401);
    assert.equal(error.code, "UNAUTHENTICATED");
    return true;
  });
});

test("rows are read page by page", async (t) => {
  const root = await admin(backend);
  if (root === null) return t.skip("nobody can sign up");
  for (let count = 0; count < 3; count += 1) await signUp(backend, root.entity);
  const client = createClient({ baseUrl, token: () => root.token });
  const table = rows<{ id: string }, object, object>(client.http, root.entity.table);
  const page = await table.list({ page_size: 1 });
  assert.equal(page.items.length, 1);
  const ids = new Set<string>();
  for await (const row of table.all()) ids.add(row.id);
  assert.equal(ids.size, Number(page.total));
  assert.ok(ids.has(root.id));
  assert.equal((await table.read(root.id)).id, root.id);
});

test("what is given up rejects", async () => {
  const client = createClient({ baseUrl });
  const controller = new AbortController();
  controller.abort();
  await assert.rejects(client.http.get("/health/live", {}, { signal: controller.signal }));
});
