/** Logging in and out. Signing up is `POST /<table>`; see `signup.ts`. */
import { z } from "zod";

import type { App } from "../app.ts";
import type { Context } from "../context.ts";
import { present, type Entity } from "../entities/definition.ts";
import { entities } from "../entities/index.ts";
import { findRow, findRowBy } from "../entities/rows.ts";
import { invalid, notFound, Problem } from "../errors.ts";
import { createLimiter } from "../policies/rate-limit.ts";
import { text } from "../schemas/values.ts";
import { callerFor, callerOf, recognise, tokensOf } from "./caller.ts";
import { checkPassword } from "./passwords.ts";
import { secretOf } from "./secrets.ts";
import { clearSession, setSession } from "./session.ts";
import { issueToken, revokeToken } from "./tokens.ts";

/** So many logins of one address in a minute, and of one user: guessing must be slow, typing wrong must not hurt. */
const PER_ADDRESS = { requests: 60, window: 60_000 };
const PER_USER = { requests: 10, window: 60_000 };

export function register(app: App, context: Context): void {
  recognise(app, context);
  for (const entity of entities) {
    const method = entity.auth?.method;
    if (method !== undefined && method !== "apikey") registerLogin(app, context, entity);
  }

  app.get("/auth/me", async (request) => {
    const caller = callerOf(request);
    const entity = entities.find(({ name }) => name === caller.entity);
    const row = entity === undefined ? null : await findRow(context.db, entity, caller.id);
    if (entity === undefined || row === null) throw notFound(caller.entity);
    return { id: caller.id, entity: caller.entity, roles: caller.roles, row: present(entity, row) };
  });

  app.post("/auth/logout", async (request, reply) => {
    for (const token of tokensOf(request)) await revokeToken(token, context);
    clearSession(reply, context.config);
    return reply.code(204).send();
  });
}

function registerLogin(app: App, context: Context, entity: Entity): void {
  const identifier = entity.auth?.identifier ?? "id";
  const body = z.strictObject({
    [identifier]: text({ maximum: 1000 }),
    password: text({ maximum: 1000 }),
  });
  const addresses = createLimiter(PER_ADDRESS);
  const users = createLimiter(PER_USER);

  app.post(`/auth/${entity.table}/login`, async (request, reply) => {
    const parsed = body.safeParse(request.body);
    if (!parsed.success) throw invalid(parsed.error);
    const { password = "", [identifier]: user = "" } = parsed.data;
    const now = context.clock().getTime();
    addresses.take(request.ip, now);
    users.take(user.toLowerCase(), now);

    const malformed = identifier === "id" && !z.guid().safeParse(user).success;
    const row = malformed ? null : await findRowBy(context.db, entity, identifier, user);
    const stored = row === null ? null : await secretOf(context.db, entity, row);
    if (!(await checkPassword(password, stored)) || row === null) {
      throw new Problem("UNAUTHENTICATED", `no such ${identifier}, or another password`);
    }
    const caller = await callerFor(entity, row, context);
    const { token, expiresIn } = await issueToken(caller, context.config);
    if (entity.auth?.method === "session") setSession(reply, token, context.config);
    return { token, expires_in: expiresIn, subject: row.id };
  });
}
