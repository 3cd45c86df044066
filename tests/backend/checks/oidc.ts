// Tokens of an outside issuer: what it signs for us is believed, and nothing else.

import { createHmac, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";

import { Client } from "../client.ts";
import type { Project } from "../project.ts";
import { same } from "../tools.ts";
import { stop } from "./stop.ts";

const AUDIENCE = "the-backend";
const KEY_ID = "one";

/** Somebody of the seed; members of the program are `auth: oauth2`. */
const SEEDED = "person1@example.com";

class Issuer {
  readonly #server: HttpServer;
  readonly #key = generateKeyPairSync("rsa", { modulusLength: 2048 });
  /** A key that it does not publish. */
  readonly strange: KeyObject = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;

  private constructor() {
    this.#server = createServer((request, response) => {
      const jwk = { ...this.published.export({ format: "jwk" }), kid: KEY_ID, alg: "RS256", use: "sig" };
      const answers: Record<string, object> = {
        "/.well-known/openid-configuration": { issuer: this.url, jwks_uri: `${this.url}/keys` },
        "/keys": { keys: [jwk] },
      };
      const answer = answers[request.url ?? ""];
      response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? {}));
    });
  }

  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    await new Promise<void>((resolve) => issuer.#server.listen(0, "127.0.0.1", resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get published(): KeyObject {
    return this.#key.publicKey;
  }

  stop(): void {
    this.#server.close();
  }

  claims(more: object = {}): object {
    const now = Math.floor(Date.now() / 1000);
    return { iss: this.url, aud: AUDIENCE, sub: "x", iat: now, exp: now + 600, email: SEEDED, email_verified: true, ...more };
  }

  sign(claims: object, key: KeyObject = this.#key.privateKey): string {
    const input = `${part({ alg: "RS256", kid: KEY_ID })}.${part(claims)}`;
    return `${input}.${createSign("RSA-SHA256").update(input).sign(key, "base64url")}`;
  }
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

export async function oidc(project: Project): Promise<void> {
  const issuer = await Issuer.start();
  try {
    const server = await project.serve("oidc", { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: AUDIENCE }, true);
    try {
      const ask = async (token: string): Promise<unknown> => {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await new Client(server.url).send("GET", "/projects", undefined, headers);
        return answer.status === 401 ? answer.body.error.code : answer.status;
      };
      same("what the issuer has signed", await ask(issuer.sign(issuer.claims())), 200);
      const past = Math.floor(Date.now() / 1000) - 3600;
      const unsigned = `${part({ alg: "none" })}.${part(issuer.claims())}.`;
      // Signed with the published key as if it were a shared secret.
      const input = `${part({ alg: "HS256", kid: KEY_ID })}.${part(issuer.claims())}`;
      const published = issuer.published.export({ format: "pem", type: "spki" });
      const confused = `${input}.${createHmac("sha256", published).update(input).digest("base64url")}`;
      for (const [what, token] of [
        ["another audience", issuer.sign(issuer.claims({ aud: "another" }))],
        ["another issuer", issuer.sign(issuer.claims({ iss: "https://elsewhere.example" }))],
        ["one that is over", issuer.sign(issuer.claims({ iat: past, exp: past + 60 }))],
        ["one without an end", issuer.sign(issuer.claims({ exp: undefined }))],
        ["a key that is not published", issuer.sign(issuer.claims(), issuer.strange)],
        ["an address that is not verified", issuer.sign(issuer.claims({ email_verified: false }))],
        ["nobody of ours", issuer.sign(issuer.claims({ email: "nobody@example.com" }))],
        ["no claim", issuer.sign(issuer.claims({ email: undefined }))],
        ["no signature", unsigned],
        ["a signature of the published key", confused],
      ] as const) {
        same(what, await ask(token), "UNAUTHENTICATED");
      }
      await stop(server);
    } finally {
      server.kill();
    }
  } finally {
    issuer.stop();
  }
}
