/** The matrix of who may do what: every kind of caller with rows of every entity, and with every capability. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { leadingTo, newCaller, newCallers, plant, type Caller } from "./planted.ts";
import { admin, bodyOf, find, inputOf, start } from "./support.ts";
import { capabilities, entities, type Body, type EntityUnderTest } from "./system.ts";

const backend = await start();
/** To whom no row of the tests belongs. */
const strangers = await newCallers(backend);

const isAdmitted = (entity: EntityUnderTest, caller: EntityUnderTest): boolean =>
  entity.admitted.every((names) => names.includes(caller.name));

/** Whether a caller may read a row that is not its own. */
function reads(entity: EntityUnderTest, caller: EntityUnderTest): boolean {
  const open = entity.owner === null && entity.readers === null;
  const named = entity.readers?.includes(caller.name) === true;
  return isAdmitted(entity, caller) && (open || named);
}

/** Whether a caller may write a row that is not its own. */
function writes(entity: EntityUnderTest, caller: EntityUnderTest): boolean {
  const named = entity.owner === null && entity.writers.includes(caller.name);
  return isAdmitted(entity, caller) && named;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** The status of an answer. */
async function status(
  caller: Pick<Caller, "headers">,
  method: Method,
  path: string,
  body?: Body,
): Promise<number> {
  return (await backend.ask(method, path, { headers: caller.headers, body })).status;
}

/** Whether a caller finds a row in the list of its table. */
async function lists({ headers }: Pick<Caller, "headers">, table: string, id: string) {
  const answer = await backend.ask("GET", `/${table}?page_size=100`, { headers });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return (answer.body["items"] as { id: string }[]).some((row) => row.id === id);
}

for (const entity of entities) {
  const table = `/${entity.table}`;
  const changes = entity.update ?? {};

  test(`${entity.name}: each caller reaches what it may, and nothing else`, async (t) => {
    const own = entity.owner?.steps.length === 0;
    const owner =
      entity.owner === null ? null : await newCaller(backend, find(entity.owner.entity));
    const id = own ? owner?.id : await plant(backend, entity, owner?.id);
    if (typeof id !== "string")
      return t.skip("the example does not meet a condition of the program");
    const row = `${table}/${id}`;

    for (const [method, path] of [
      ["GET", row],
      ["GET", table],
      ["PUT", row],
      ["DELETE", row],
    ] as const) {
      assert.equal(await status({ headers: {} }, method, path), 401, `nobody, ${method} ${path}`);
    }
    for (const stranger of strangers) {
      const who = `a stranger that is a ${stranger.entity.name}`;
      const seen = reads(entity, stranger.entity);
      assert.equal(await status(stranger, "GET", row), seen ? 200 : 403, `${who} reads`);
      if (isAdmitted(entity, stranger.entity)) {
        assert.equal(await lists(stranger, entity.table, id), seen, `${who} lists`);
      } else {
        assert.equal(await status(stranger, "GET", table), 403, `${who} lists`);
      }
      if (writes(entity, stranger.entity)) continue;
      assert.equal(await status(stranger, "PUT", row, changes), 403, `${who} changes`);
      assert.equal(await status(stranger, "DELETE", row), 403, `${who} removes`);
    }
    const root = await admin(backend);
    const all: Pick<Caller, "headers">[] = [];
    if (root !== null) all.push({ headers: { authorization: `Bearer ${root.token}` } });
    if (owner !== null && isAdmitted(entity, owner.entity)) all.push(owner);
    for (const caller of all) {
      const who = caller === owner ? "its owner" : "the admin";
      assert.equal(await status(caller, "GET", row), 200, `${who} reads`);
      assert.ok(await lists(caller, entity.table, id), `${who} lists`);
      const changed = await status(caller, "PUT", row, changes);
      assert.ok([200, 409, 422].includes(changed), `${who} changes: ${changed}`);
    }
    for (const caller of all.slice(-1)) {
      const removed = await status(caller, "DELETE", row);
      assert.ok([204, 409].includes(removed), `it is removed: ${removed}`);
    }
  });

  test(`${entity.name}: nobody makes a row for somebody else`, async (t) => {
    if (entity.open) return t.skip("anyone signs up");
    if (entity.owner?.given === false) return t.skip("a new row is always its maker's");
    const owner =
      entity.owner === null ? null : await newCaller(backend, find(entity.owner.entity));
    if (entity.owner !== null && owner === null)
      return t.skip("the example does not meet a condition of the program");
    const leading = owner === null ? {} : await leadingTo(backend, entity, owner.id);
    const body: Body = { ...bodyOf(entity), ...leading };
    for (const need of entity.needs) body[need.column] ??= await plant(backend, find(need.entity));
    for (const stranger of strangers) {
      if (writes(entity, stranger.entity)) continue;
      const made = await status(stranger, "POST", table, body);
      assert.equal(made, 403, `a stranger that is a ${stranger.entity.name}`);
    }
  });
}

for (const capability of capabilities) {
  test(`${capability.name}: strangers are ${capability.refuses ? "refused" : "shown no row of others"}`, async (t) => {
    // Its rows belong to somebody else.
    const body = await inputOf(capability, (entity) => plant(backend, entity));
    if (body === null) return t.skip("the example does not meet a condition of the program");
    for (const stranger of strangers) {
      const { headers } = stranger;
      const answer = await backend.ask("POST", capability.path, { headers, body });
      const who = `a ${stranger.entity.name}: ${answer.status} ${JSON.stringify(answer.body)}`;
      if (capability.refuses) assert.equal(answer.status, 403, who);
      if (answer.status !== 200 || capability.open) continue;
      for (const row of [answer.body["entity"], answer.body["created"]]) {
        if (typeof row !== "object" || row === null || !("id" in row)) continue;
        const paths = entities.map(({ table }) => `/${table}/${String(row.id)}`);
        const read = await Promise.all(paths.map((path) => status(stranger, "GET", path)));
        assert.ok(read.includes(200), who);
      }
    }
  });
}
