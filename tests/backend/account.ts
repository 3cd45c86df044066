// An account, made or logged into as the server's own description says: the examples of its requests are sent.

import { randomUUID } from "node:crypto";

import { Client, type Account } from "./client.ts";
import { Failure } from "./tools.ts";

interface Operation {
  requestBody?: { content?: Record<string, { example?: Record<string, unknown>; schema?: { required?: string[] } }> };
}

interface Description {
  paths: Record<string, Record<string, Operation>>;
}

/** Logs in as somebody of the seed, or signs up where there is nobody. */
export async function logIn(url: string): Promise<Account> {
  const { description, client } = await ask(url);
  for (const { path } of logins(description)) {
    const login = example(description, path);
    // The first of them may be gone: an attack removes what it can.
    for (const body of [login, second(login)]) {
      const session = await client.send("POST", path, body);
      if (session.status === 200) {
        return { id: session.body.subject, token: session.body.token };
      }
    }
  }
  return signUp(url);
}

/** Signs up anew and logs in. */
export async function signUp(url: string): Promise<Account> {
  const { description, client } = await ask(url);
  const [first] = logins(description);
  if (first === undefined) {
    throw new Failure("nobody can log in: the description has no `/auth/…/login`");
  }
  const login = example(description, first.path);
  const row = another(example(description, `/${first.table}`), Object.keys(login));
  const created = await client.expect(201, "POST", `/${first.table}`, row);
  const body = Object.fromEntries(Object.keys(login).map((name) => [name, row[name] ?? created[name]]));
  const session = await client.expect(200, "POST", first.path, body);
  return { id: created.id, token: session.token };
}

async function ask(url: string): Promise<{ description: Description; client: Client }> {
  const client = new Client(url);
  return { description: (await client.expect(200, "GET", "/openapi.json")) as Description, client };
}

function logins(description: Description): { path: string; table: string }[] {
  return Object.keys(description.paths).flatMap((path) => {
    const table = /^\/auth\/(.+)\/login$/.exec(path)?.[1];
    return table === undefined ? [] : [{ path, table }];
  });
}

/** What the second row of the seed logs in with. */
function second(login: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(login);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === "string" && name !== "password" ? value.replace(/1(?!.*1)/, "2") : value]),
  );
}

/** The same row under a name of its own, so that signing up twice is two accounts. */
function another(row: Record<string, unknown>, login: readonly string[]): Record<string, unknown> {
  const mark = randomUUID().slice(0, 8);
  const renamed = Object.entries(row).map(([name, value]) => {
    if (typeof value === "string" && value.includes("@")) return [name, `${mark}-${value}`];
    const named = typeof value === "string" && name !== "password" && login.includes(name);
    return [name, named ? value.slice(0, 8) + mark : value];
  });
  return Object.fromEntries(renamed) as Record<string, unknown>;
}

function example(description: Description, path: string): Record<string, unknown> {
  const found = description.paths[path]?.["post"]?.requestBody?.content?.["application/json"]?.example;
  if (found === undefined) {
    throw new Failure(`the description has no example of a body for POST ${path}`);
  }
  return found;
}
