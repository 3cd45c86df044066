/**
 * API keys: `<table>.<id>.<secret>`, shown once when they are made. What is stored is a hash of the secret; it needs no
 * slow one, because nobody can guess 32 random bytes.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const SECRET_BYTES = 32;

/** A new key for a row, and the hash that is stored of it. */
export function createKey(table: string, id: string): { key: string; hash: string } {
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  return { key: `${table}.${id}.${secret}`, hash: hashKey(secret) };
}

/** The parts of a key; `null` where it is none. */
export function parseKey(key: string): { table: string; id: string; secret: string } | null {
  const match = /^(\w{1,63})\.([0-9a-f-]{36})\.([\w-]{43})$/.exec(key);
  const [, table, id, secret] = match ?? [];
  if (table === undefined || id === undefined || secret === undefined) return null;
  return { table, id, secret };
}

/** Whether a secret is the one that was hashed; `null` stands for a key that is not there. */
export function checkKey(secret: string, stored: string | null): boolean {
  const [given, known] = [Buffer.from(hashKey(secret)), Buffer.from(stored ?? hashKey(""))];
  return given.length === known.length && timingSafeEqual(given, known) && stored !== null;
}

function hashKey(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
