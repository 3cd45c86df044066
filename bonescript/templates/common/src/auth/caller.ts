/**
 * Who calls. A hook looks once at the `Authorization` header, the API key or the cookie of each request; routes ask here
 * for what it found.
 */
import type { FastifyRequest } from "fastify";

import type { App } from "../app.ts";
import type { Caller, Context } from "../context.ts";
import { column, type BaseRow, type Entity } from "../entities/definition.ts";
import { entities } from "../entities/index.ts";
import { findRow, findRowBy } from "../entities/rows.ts";
import { Problem } from "../errors.ts";
import { checkKey, parseKey } from "./keys.ts";
import { verifyOutside } from "./oidc.ts";
import { rolesOf, secretOf } from "./secrets.ts";
import { refuseForeign, sessionOf } from "./session.ts";
import { verifyToken } from "./tokens.ts";

const callers = new WeakMap<FastifyRequest, Caller>();

/** Looks at what each request brings. What is wrong with it is said at once, also to routes that anyone may use. */
export function recognise(app: App, context: Context): void {
  app.addHook("onRequest", async (request) => {
    const caller = await callerBehind(request, context);
    if (caller !== null) callers.set(request, caller);
  });
}

/** Who calls. Throws a problem of 401. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller !== undefined) return caller;
  throw new Problem("UNAUTHENTICATED", "log in, and send the token as `Authorization: Bearer …`", {
    headers: { "www-authenticate": "Bearer" },
  });
}

/** Who calls, or `null` where nobody has logged in. */
export function callerOrNull(request: FastifyRequest): Caller | null {
  return callers.get(request) ?? null;
}

async function callerBehind(request: FastifyRequest, context: Context): Promise<Caller | null> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const token = bearerOf(authorization);
    // The token of `/metrics` is none of ours.
    if (request.routeOptions.url === "/metrics") return null;
    if (token === undefined)
      throw new Problem("UNAUTHENTICATED", "the `Authorization` header is no bearer token");
    return authenticate(token, context);
  }
  const key = request.headers["x-api-key"];
  if (key !== undefined) return callerOfKey(String(key), context);
  const session = sessionOf(request);
  if (session === null) return null;
  refuseForeign(request, context.config.allowedOrigins);
  // An old cookie must not keep anybody from logging in again.
  return verifyToken(session, context).catch(() => null);
}

function bearerOf(authorization: string): string | undefined {
  return /^Bearer +([\w.~+/=-]{1,8192})$/i.exec(authorization)?.[1];
}

/** The tokens that a request brings. */
export function tokensOf(request: FastifyRequest): string[] {
  const { authorization } = request.headers;
  const bearer = authorization === undefined ? undefined : bearerOf(authorization);
  return [bearer, sessionOf(request)].filter((token) => typeof token === "string");
}

/** Who a token is about. Throws a problem of 401. */
export async function authenticate(token: string, context: Context): Promise<Caller> {
  const { oidc } = context.config;
  const outside = entities.find((entity) => entity.auth?.method === "oauth2");
  if (oidc === null || outside === undefined || algorithm(token) === "HS256") {
    return verifyToken(token, context);
  }
  const subject = await verifyOutside(token, oidc);
  const row = await findRowBy(context.db, outside, outside.auth?.identifier ?? "id", subject);
  if (row === null)
    throw new Problem("UNAUTHENTICATED", "nobody here has signed up with this account");
  return callerFor(outside, row, context);
}

/** The caller that a row is, with its roles. */
export async function callerFor(
  entity: Entity,
  row: BaseRow,
  context: Pick<Context, "db">,
): Promise<Caller> {
  const own = entity.auth?.role === true ? column(row, "role") : null;
  const granted = await rolesOf(context.db, entity, row.id);
  const roles = typeof own === "string" && own !== "" ? [own, ...granted] : granted;
  return { id: row.id, entity: entity.name, roles, role: roles[0] ?? null };
}

async function callerOfKey(key: string, context: Context): Promise<Caller> {
  const refused = new Problem("UNAUTHENTICATED", "the API key is not valid");
  const parts = parseKey(key);
  const entity = entities.find(
    ({ table, auth }) => table === parts?.table && auth?.method === "apikey",
  );
  if (parts === null || entity === undefined) throw refused;
  const row = await findRow(context.db, entity, parts.id);
  const stored = row === null ? null : await secretOf(context.db, entity, row);
  if (!checkKey(parts.secret, stored) || row === null) throw refused;
  return callerFor(entity, row, context);
}

/** What a token says of its signature, before anything of it is believed. */
function algorithm(token: string): unknown {
  try {
    const head: unknown = JSON.parse(
      Buffer.from(token.split(".")[0] ?? "", "base64url").toString(),
    );
    return typeof head === "object" && head !== null && "alg" in head ? head.alg : undefined;
  } catch {
    return undefined;
  }
}
