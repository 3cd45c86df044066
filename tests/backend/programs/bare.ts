// The bare framework with the same queries as the generated routes of plants, and nothing else: what the rest costs is
// told by the comparison. It is copied into a project, whose packages it uses.

import { randomUUID } from "node:crypto";

import { fastify } from "fastify";

type Row = Record<string, unknown>;
interface Queries {
  count(): Promise<number>;
  list(): Promise<Row[]>;
  insert(row: Row): Promise<Row>;
}

const COLUMNS = ["id", "seller_id", "title", "price", "stock", "tags", "created_at", "updated_at"];
const NAMES = COLUMNS.map((name) => `"${name}"`).join(", ");
const LIST = "select * from plants order by created_at desc, id desc limit 50 offset 0";

async function postgres(url: string): Promise<Queries> {
  const { Pool } = (await import("pg")).default;
  const pool = new Pool({ connectionString: url, max: 20 });
  const marks = COLUMNS.map((_, index) => `$${index + 1}`).join(", ");
  return {
    count: async () => Number((await pool.query("select count(*) as total from plants")).rows[0].total),
    list: async () => (await pool.query(LIST)).rows,
    insert: async (row) =>
      (await pool.query(`insert into plants (${NAMES}) values (${marks}) returning *`, COLUMNS.map((name) => row[name]))).rows[0],
  };
}

async function sqlite(path: string): Promise<Queries> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path, { timeout: 5000 });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  const count = database.prepare("select count(*) as total from plants");
  const list = database.prepare(LIST);
  const insert = database.prepare(`insert into plants (${NAMES}) values (${COLUMNS.map(() => "?").join(", ")}) returning *`);
  return {
    count: async () => Number(count.get()?.["total"]),
    list: async () => list.all(),
    insert: async (row) => insert.get(...COLUMNS.map((name) => row[name] as string)) ?? {},
  };
}

const path = process.env["DATABASE_PATH"];
const queries = path === undefined ? await postgres(process.env["DATABASE_URL"] ?? "") : await sqlite(path);
const app = fastify();
app.get("/health/ready", async () => ({ ok: true }));
app.get("/plants", async () => ({ items: await queries.list(), total: await queries.count(), page: 1, page_size: 50 }));
app.post<{ Body: Row }>("/plants", async (request, reply) => {
  const now = new Date().toISOString();
  const { tags, ...rest } = request.body;
  const row = { ...rest, tags: JSON.stringify(tags), id: randomUUID(), created_at: now, updated_at: now };
  return reply.code(201).send(await queries.insert(row));
});
await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"]) });
