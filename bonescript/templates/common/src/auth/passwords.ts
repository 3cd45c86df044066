/** Passwords: scrypt, slow on purpose, and the same time for a user that is not there. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

interface Cost {
  /** Base two logarithm of the work. */
  log2N: number;
  r: number;
  p: number;
}

/**
 * Twice the memory and time that the author of scrypt recommends for logins: 32 MiB, about a tenth of a second of one core.
 * The cost is kept with each hash, so it can be raised without harm to the passwords that are there.
 */
const COST: Cost = { log2N: 15, r: 8, p: 1 };
const KEY_BYTES = 32;
const SALT_BYTES = 16;

/** Compared with where there is no user, so that the answer takes as long. */
const NOBODY = encode(COST, randomBytes(SALT_BYTES), randomBytes(KEY_BYTES));

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return encode(COST, salt, await derive(password, salt, COST));
}

/** Whether a password is the one that was hashed; `null` stands for a user that is not there. */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  const known = decode(stored ?? NOBODY) ?? decode(NOBODY);
  if (known === null) return false;
  const key = await derive(password, known.salt, known.cost);
  return timingSafeEqual(key, known.key) && stored !== null && decode(stored) !== null;
}

function derive(password: string, salt: Buffer, { log2N, r, p }: Cost): Promise<Buffer> {
  const N = 2 ** log2N;
  // The same password may be typed as different code points.
  const text = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function encode({ log2N, r, p }: Cost, salt: Buffer, key: Buffer): string {
  return `scrypt$${log2N}$${r}$${p}$${salt.toString("base64url")}$${key.toString("base64url")}`;
}

function decode(stored: string): { cost: Cost; salt: Buffer; key: Buffer } | null {
  const match = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]+)\$([\w-]+)$/.exec(stored);
  const [, log2N, r, p, salt, key] = match ?? [];
  if (salt === undefined || key === undefined) return null;
  const decoded = Buffer.from(key, "base64url");
  if (decoded.length !== KEY_BYTES) return null;
  const cost = { log2N: Number(log2N), r: Number(r), p: Number(p) };
  return { cost, salt: Buffer.from(salt, "base64url"), key: decoded };
}
