// Requests as any client would send them, and accounts to send them with.

import { randomInt, randomUUID } from "node:crypto";

import { Failure } from "./tools.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** What the text holds as JSON; each check looks at what it needs. */
  readonly body: any;
}

export interface Account {
  readonly id: string;
  readonly token: string;
}

export class Client {
  readonly #url: string;
  readonly #token: string | undefined;

  constructor(url: string, token?: string) {
    this.#url = url;
    this.#token = token;
  }

  as(account: Account): Client {
    return new Client(this.#url, account.token);
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    // Each request comes from an address of its own (the servers trust the proxy that says so), so that the limits of
    // nameless clients do not count all of the proof as one.
    const all: Record<string, string> = { "x-forwarded-for": someAddress(), ...headers };
    if (this.#token !== undefined) {
      all["authorization"] = `Bearer ${this.#token}`;
    }
    if (body !== undefined) {
      all["content-type"] ??= "application/json";
    }
    const sent = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(this.#url + path, { method, headers: all, body: sent });
    const text = await answer.text();
    let read: unknown;
    try {
      read = JSON.parse(text);
    } catch {
      read = undefined;
    }
    return { status: answer.status, text, headers: answer.headers, body: read };
  }

  /** Sends what must succeed, and gives what it answers. */
  async expect(status: number, method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.send(method, path, body);
    if (answer.status !== status) {
      throw new Failure(`${method} ${path}: ${answer.status} in place of ${status}\n${answer.text.slice(0, 2000)}`);
    }
    return answer.body;
  }

  /** Signs up and logs in. */
  async account(table: string, row: Record<string, unknown>, identifier: string): Promise<Account> {
    const password = `long enough ${randomUUID()}`;
    const created = await this.expect(201, "POST", `/${table}`, { ...row, password });
    const session = await this.expect(200, "POST", `/auth/${table}/login`, {
      [identifier]: row[identifier],
      password,
    });
    return { id: created.id, token: session.token };
  }
}

function someAddress(): string {
  return ["10", ...Array.from({ length: 3 }, () => randomInt(1, 255))].join(".");
}
