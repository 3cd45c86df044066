/**
 * JSON in which whole numbers stay whole: 64-bit integers are read and written digit by digit.
 *
 * Text from outside is untrusted: keys that reach for prototypes, text that is no Unicode and nesting without end are
 * refused with the place where they stand.
 */

/** Anything that JSON can say. Whole numbers beyond 2^53 are `bigint`. */
export type Json =
  null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };

/** What is wrong with a text that should be JSON. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/** Deeper than this no honest body is, and recursion over it stays far from the end of the stack. */
const MAX_DEPTH = 64;

/** Only a text that has one of these can hold a long number, an escaped character or a forbidden key. */
const UNUSUAL = /\d{16}|\\u|__proto__|"constructor"/;

/** `JSON.rawJSON` and the third argument of a reviver are in Node 22, but not yet in the types of ECMAScript. */
const native = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    revive: (key: string, value: Json, context: { source?: string }) => Json,
  ): Json;
};

/** Reads JSON. Throws `JsonError`. */
export function parseJson(text: string): Json {
  refuseDeep(text);
  try {
    return UNUSUAL.test(text) ? native.parse(text, revive) : (JSON.parse(text) as Json);
  } catch (error) {
    if (error instanceof JsonError) throw error;
    throw new JsonError("the body is not valid JSON");
  }
}

/** Writes JSON: `bigint` as a number, `Date` in RFC 3339, bytes in base64. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value, replace) ?? "null";
}

/** A copy that inherits nothing: what a body lacks may be called `constructor`, or like anything else that objects have. */
export function bare(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.assign(Object.create(null) as object, value);
}

function revive(key: string, value: Json, context: { source?: string }): Json {
  if (key === "__proto__") throw new JsonError("the key `__proto__` is not allowed");
  if (
    key === "constructor" &&
    typeof value === "object" &&
    value !== null &&
    "prototype" in value
  ) {
    throw new JsonError("the key `constructor.prototype` is not allowed");
  }
  if (!isText(key)) throw new JsonError("a key holds characters that are not text");
  if (typeof value === "string" && !isText(value)) {
    throw new JsonError(
      "a string holds characters that are not text: NUL, or half of a surrogate pair",
    );
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    const source = context.source ?? "";
    // So long a number is no 64-bit one, and only costs time.
    if (/^-?\d{1,40}$/.test(source)) return BigInt(source);
    if (!Number.isFinite(value)) throw new JsonError("a number is too large");
  }
  return value;
}

function replace(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return native.rawJSON(value.toString());
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return value;
}

/** Whether a string can be kept by every database: well-formed, and without NUL. */
export function isText(value: string): boolean {
  return !value.includes("\0") && value.isWellFormed();
}

function refuseDeep(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charCodeAt(at);
    if (quoted) {
      if (sign === 0x5c) at += 1;
      else if (sign === 0x22) quoted = false;
    } else if (sign === 0x22) {
      quoted = true;
    } else if (sign === 0x5b || sign === 0x7b) {
      depth += 1;
      if (depth > MAX_DEPTH)
        throw new JsonError(`the body is nested deeper than ${MAX_DEPTH} levels`);
    } else if (sign === 0x5d || sign === 0x7d) {
      depth -= 1;
    }
  }
}
