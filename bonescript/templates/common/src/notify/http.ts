/**
 * Posts JSON to somebody else's server.
 *
 * Names are resolved here and the connection is made to the very address that was checked, so that a name which answers
 * otherwise the second time (DNS rebinding) leads nowhere. Redirects are not followed.
 */
import { createHmac } from "node:crypto";
import { lookup as resolve } from "node:dns";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { isIP } from "node:net";

import { isPublicAddress } from "./address.ts";

export interface PostOptions {
  /** Also to addresses of this machine and of private networks. */
  readonly allowPrivate: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface SignedOptions extends PostOptions {
  /** With it the receiver can tell that we sent it. */
  readonly secret: string | null;
}

const TIMEOUT_MS = 10_000;

export class PostError extends Error {
  override readonly name = "PostError";
}

/** Throws a `PostError` where the answer is not 2xx. */
export async function post(target: string, body: string, options: PostOptions): Promise<void> {
  const url = checkedUrl(target, options.allowPrivate);
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  await new Promise<void>((fulfil, reject) => {
    const outgoing = request(
      url,
      {
        method: "POST",
        agent: false,
        signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          ...options.headers,
        },
        ...(options.allowPrivate ? {} : { lookup: lookupPublic }),
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        // What it says is of no use, and may be without end.
        answer.destroy();
        if (status >= 200 && status < 300) fulfil();
        else reject(new PostError(`${url.host} answered ${String(status)}`));
      },
    );
    outgoing.on("error", (error) => {
      reject(new PostError(`${url.host}: ${error.message}`, { cause: error }));
    });
    outgoing.end(body);
  });
}

/** `X-Signature: t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>", hex>`; the time is in it against replays. */
export async function postSigned(
  target: string,
  body: string,
  options: SignedOptions,
): Promise<void> {
  const headers = { ...options.headers };
  if (options.secret !== null) headers["x-signature"] = signature(options.secret, body, Date.now());
  await post(target, body, { ...options, headers });
}

export function signature(secret: string, body: string, nowMs: number): string {
  const seconds = String(Math.floor(nowMs / 1000));
  const mac = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${mac}`;
}

function checkedUrl(target: string, allowPrivate: boolean): URL {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url === undefined || !["https:", "http:"].includes(url.protocol)) {
    throw new PostError("the address of a webhook is an http or https URL");
  }
  // A name goes through `lookupPublic`; an address itself is not looked up.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) {
    throw new PostError(`${host} is not a public address`);
  }
  return url;
}

const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) {
      callback(error ?? new PostError(`${hostname} has no address`), "", 0);
      return;
    }
    if (!addresses.every(({ address }) => isPublicAddress(address))) {
      callback(new PostError(`${hostname} is not a public address`), "", 0);
    } else if (options.all === true) {
      callback(null, addresses);
    } else {
      callback(null, first.address, first.family);
    }
  });
};
