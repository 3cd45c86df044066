/** Tokens of an outside issuer, verified with the keys that it publishes. */
import { createRemoteJWKSet, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { z } from "zod";

import { Problem } from "../errors.ts";

/** Signatures with a private key only: the published key must not be able to sign. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
];

/** An issuer that needs longer is treated as one that is not there. */
const PATIENCE_MS = 5000;

export interface Issuer {
  issuer: string;
  audience: string;
  claim: string;
}

const keys = new Map<string, Promise<JWTVerifyGetKey>>();

/** What the token of an outside issuer says of its subject: the value of the claim that names a user of ours. */
export async function verifyOutside(token: string, outside: Issuer): Promise<string> {
  let payload: JWTPayload;
  try {
    const published = await publishedKeys(outside.issuer);
    ({ payload } = await jwtVerify(token, published, {
      algorithms: ALGORITHMS,
      issuer: outside.issuer,
      audience: outside.audience,
      requiredClaims: ["exp"],
    }));
  } catch (error) {
    throw new Problem("UNAUTHENTICATED", "the token is not valid", { cause: error });
  }
  const subject = payload[outside.claim];
  const unverified = outside.claim === "email" && payload["email_verified"] === false;
  if (typeof subject !== "string" || subject === "" || unverified) {
    throw new Problem("UNAUTHENTICATED", `the token has no verified claim \`${outside.claim}\``);
  }
  return subject;
}

function publishedKeys(issuer: string): Promise<JWTVerifyGetKey> {
  let found = keys.get(issuer);
  if (found === undefined) {
    found = discover(issuer);
    keys.set(issuer, found);
    // An issuer that did not answer is asked again by the next request.
    found.catch(() => keys.delete(issuer));
  }
  return found;
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(url, {
    signal: AbortSignal.timeout(PATIENCE_MS),
    redirect: "error",
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const known = z
    .object({ issuer: z.literal(issuer), jwks_uri: z.url() })
    .parse(await response.json());
  return createRemoteJWKSet(new URL(known.jwks_uri), { timeoutDuration: PATIENCE_MS });
}
