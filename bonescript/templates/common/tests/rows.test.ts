/** Rows: made, read, listed, changed and removed, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { admin, bodyOf, start, tryMake, unknownId } from "./support.ts";
import { entities } from "./system.ts";

const backend = await start();

for (const entity of entities) {
  const path = `/${entity.table}`;

  test(`${entity.name}: a row lives and ends`, async (t) => {
    const root = await admin(backend);
    if (root === null) return t.skip("nobody can sign up");
    const made = await tryMake(backend, entity);
    if (made === null) return t.skip("rows are made by capabilities only");
    if (made.status === 422 || made.status === 400) {
      return t.skip("the example does not meet a condition of the program");
    }
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const id = String(made.body["id"]);
    for (const name of entity.hidden) assert.ok(!(name in made.body), `${name} is shown`);

    const read = await backend.ask("GET", `${path}/${id}`, { token: root.token });
    assert.equal(read.status, 200);
    assert.equal(read.body["id"], id);

    const list = await backend.ask("GET", `${path}?page_size=100`, { token: root.token });
    assert.equal(list.status, 200);
    const items = list.body["items"] as { id: string }[];
    assert.ok(items.some((row) => row.id === id));

    if (entity.update !== null) {
      const token = root.token;
      const changed = await backend.ask("PUT", `${path}/${id}`, { token, body: entity.update });
      assert.ok([200, 422].includes(changed.status), JSON.stringify(changed.body));
      if (changed.status === 200) {
        for (const [name, value] of Object.entries(entity.update)) {
          assert.deepEqual(changed.body[name], value);
        }
      }
    }

    assert.equal((await backend.ask("DELETE", `${path}/${id}`, { token: root.token })).status, 204);
    assert.equal((await backend.ask("GET", `${path}/${id}`, { token: root.token })).status, 404);
  });

  test(`${entity.name}: ids that are none are 400, unknown ones 404`, async (t) => {
    const root = await admin(backend);
    if (root === null) return t.skip("nobody can sign up");
    const { token } = root;
    assert.equal((await backend.ask("GET", `${path}/17`, { token })).status, 400);
    assert.equal((await backend.ask("GET", `${path}/${unknownId()}`, { token })).status, 404);
    assert.equal((await backend.ask("DELETE", `${path}/${unknownId()}`, { token })).status, 404);
  });

  test(`${entity.name}: pages have a size, and it is bounded`, async (t) => {
    const root = await admin(backend);
    if (root === null) return t.skip("nobody can sign up");
    const { token } = root;
    const page = await backend.ask("GET", `${path}?page=1&page_size=1`, { token });
    assert.equal(page.status, 200);
    assert.ok((page.body["items"] as unknown[]).length <= 1);
    for (const query of ["page=0", "page=x", "page_size=101", "page_size=-1", "nothing=1"]) {
      assert.equal((await backend.ask("GET", `${path}?${query}`, { token })).status, 400, query);
    }
  });

  test(`${entity.name}: bodies are checked`, async (t) => {
    const root = await admin(backend);
    if (root === null) return t.skip("nobody can sign up");
    const token = root.token;
    const cases: unknown[] = ['{"a":', "[]", { no_such_column_1: 1 }];
    if (entity.wrong !== null) cases.push({ ...bodyOf(entity), ...entity.wrong });
    for (const body of cases) {
      const { status } = await backend.ask("POST", path, { token, body });
      assert.equal(status, entity.creatable || body === '{"a":' ? 400 : 403, JSON.stringify(body));
    }
    // A row has its id for ever, and a change without a body is a mistake.
    for (const body of [{ id: unknownId() }, undefined, "null"]) {
      const { status } = await backend.ask("PUT", `${path}/${unknownId()}`, { token, body });
      assert.equal(status, 400, JSON.stringify(body));
    }
  });
}
