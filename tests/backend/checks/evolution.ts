// A program grows and shrinks again while its database lives on. What changes is derived from the program itself: every
// entity gets two columns, and loses them; the rows of the seed must come through both as they were.

import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { logIn, signUp } from "../account.ts";
import { Client, type Account } from "../client.ts";
import { WORK, Server, type Project } from "../project.ts";
import { Failure, holds, same } from "../tools.ts";

type Row = Record<string, unknown> & { id: string };
type Rows = Record<string, Row[]>;

const ADDED = 'proof_word: string = "kept", proof_count: optional<uint>, ';
/** What the new columns hold in rows that were there before. */
const FILLED = { proof_word: "kept", proof_count: null };

export async function evolution(project: Project, source: string): Promise<void> {
  const grown = growing(project, source);
  project.removeAllButPackages();
  await project.compile(source);
  project.extend();
  const env = await project.environment("evolution");
  await project.npm("evolution-migrate", ["run", "--silent", "migrate"], env);
  await project.npm("evolution-seed", ["run", "--silent", "seed"], env);
  let admin: Account | undefined;
  const before = await serving(project, env, async (server) => {
    const person = await logIn(server.url);
    const me = await new Client(server.url).as(person).expect(200, "GET", "/auth/me");
    await project.npm("evolution-grant", ["run", "--silent", "grant", "--", me.entity, person.id, "admin"], env);
    admin = await logIn(server.url);
    return everyRow(server, admin);
  });
  const caller = admin;
  if (caller === undefined) throw new Failure("nobody has logged in");
  holds("the seed makes rows", Object.values(before).flat().length > 0);

  await changed(project, grown, env, "grow");
  await serving(project, env, async (server) => {
    const rows = await everyRow(server, caller);
    const expected = Object.entries(before).map(([table, all]) => [table, all.map((row) => ({ ...row, ...FILLED }))]);
    compare("a program that has grown", rows, onlyGrown(Object.fromEntries(expected) as Rows, rows));
    const [table, first] = Object.entries(rows).find(([, all]) => all.some((row) => "proof_count" in row)) ?? [];
    const id = first?.[0]?.id;
    const written = await new Client(server.url).as(caller).expect(200, "PUT", `/${table}/${id}`, { proof_count: 7 });
    same("a new column is written", written.proof_count, 7);
    await new Client(server.url).as(caller).expect(200, "PUT", `/${table}/${id}`, { proof_count: null });
  });

  await changed(project, source, env, "shrink");
  await serving(project, env, async (server) => {
    compare("a program that has shrunk again", await everyRow(server, caller), before);
    // A column that is no longer there asks nothing of new rows.
    await signUp(server.url);
  });
}

/** The same program with more columns, in a folder of its own beside what it imports. */
function growing(project: Project, source: string): string {
  const folder = join(WORK, "grown", project.target);
  mkdirSync(folder, { recursive: true });
  cpSync(join(dirname(source), "shared"), join(folder, "shared"), { recursive: true });
  const text = readFileSync(source, "utf8");
  const grown = text.replaceAll(/\bentity\s+\w+\s*\{\s*owns:\s*\[/g, (head) => head + ADDED);
  holds("an entity is found in the program", grown !== text);
  const path = join(folder, `${project.name}.bone`);
  writeFileSync(path, grown);
  return path;
}

/** Compiles a changed program over the one before, and migrates. */
async function changed(project: Project, source: string, env: Record<string, string>, step: string): Promise<void> {
  const old = project.migrations();
  await project.compile(source);
  const now = project.migrations();
  same(`${step}: one migration more`, now.size, old.size + 1);
  for (const [name, text] of old) {
    same(`${step}: ${name} stays as it was`, now.get(name), text);
  }
  await project.compile(source);
  same(`${step}: compiling again makes no migration`, project.migrations().size, now.size);
  await project.npm(`evolution-${step}`, ["run", "--silent", "migrate"], env);
}

async function serving<T>(project: Project, env: Record<string, string>, work: (server: Server) => Promise<T>): Promise<T> {
  const server = await Server.start(project, env, "evolution");
  try {
    const result = await work(server);
    same("how the server ends", (await server.stop()).code, 0);
    return result;
  } finally {
    server.kill();
  }
}

/** The rows of every table, as the admin sees them. */
async function everyRow(server: Server, admin: Account): Promise<Rows> {
  const client = new Client(server.url).as(admin);
  const description = await client.expect(200, "GET", "/openapi.json");
  const rows: Rows = {};
  for (const path of Object.keys(description.paths)) {
    const table = /^\/([a-z_0-9]+)\/\{id\}$/.exec(path)?.[1];
    if (table === undefined || table === "jobs") continue;
    const page = await client.expect(200, "GET", `/${table}?page_size=100`);
    rows[table] = (page.items as Row[]).sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  return rows;
}

/** Tables of imported files do not grow. */
function onlyGrown(expected: Rows, found: Rows): Rows {
  const grew = (table: string): boolean => (found[table] ?? []).some((row) => "proof_word" in row);
  const tables = Object.entries(expected).map(([table, all]) => [
    table,
    grew(table) ? all : all.map(({ proof_word: _word, proof_count: _count, ...row }) => row),
  ]);
  return Object.fromEntries(tables) as Rows;
}

function compare(what: string, found: Rows, expected: Rows): void {
  same(`${what}: its tables`, Object.keys(found), Object.keys(expected));
  for (const [table, rows] of Object.entries(expected)) {
    // When a row was last written is no part of what it says.
    const sorted = (all: Row[] = []): unknown[] =>
      all.map(({ updated_at: _at, ...row }) => Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));
    same(`${what}: rows of ${table}`, sorted(found[table]), sorted(rows));
  }
}
