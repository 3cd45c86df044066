/**
 * The token in a cookie, for entities with `auth: session`. Scripts cannot read it, other sites cannot send it; and a
 * browser that says it comes from elsewhere is refused, whatever it sends.
 */
import type { FastifyReply, FastifyRequest } from "fastify";

import type { Config } from "../config.ts";
import { forbidden } from "../errors.ts";

/** Browsers take a cookie with this prefix over TLS only, and for this host alone. */
const SECURE_NAME = "__Host-session";
const PLAIN_NAME = "session";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

export function setSession(reply: FastifyReply, token: string, config: Config): void {
  const name = config.cookieSecure ? SECURE_NAME : PLAIN_NAME;
  reply.header("set-cookie", cookie(name, token, config.tokenTtl, config.cookieSecure));
}

export function clearSession(reply: FastifyReply, config: Config): void {
  const name = config.cookieSecure ? SECURE_NAME : PLAIN_NAME;
  reply.header("set-cookie", cookie(name, "", 0, config.cookieSecure));
}

function cookie(name: string, value: string, maxAge: number, secure: boolean): string {
  const parts = [`${name}=${value}`, "Path=/", `Max-Age=${maxAge}`, "HttpOnly", "SameSite=Strict"];
  return [...parts, ...(secure ? ["Secure"] : [])].join("; ");
}

/** The token in the cookie of a request. */
export function sessionOf(request: FastifyRequest): string | null {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    if (at > 0 && (name === SECURE_NAME || name === PLAIN_NAME)) return pair.slice(at + 1).trim();
  }
  return null;
}

/** Refuses changes that the page of another site asks for. */
export function refuseForeign(request: FastifyRequest, allowedOrigins: readonly string[]): void {
  if (SAFE.has(request.method)) return;
  const { origin } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (site === "same-origin" || site === "none") return;
  if (origin !== undefined && allowedOrigins.includes(origin)) return;
  // Neither header: no browser, hence nobody's cookie that a page could borrow.
  if (origin === undefined && site === undefined) return;
  if (origin !== undefined && site === undefined && hostOf(origin) === request.host) return;
  throw forbidden("this request comes from the page of another site");
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
