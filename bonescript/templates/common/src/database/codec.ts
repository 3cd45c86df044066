/**
 * Values of TypeScript and of the database. Both targets give the same ones: `bigint` for whole numbers, `Date` for
 * instants, `Uint8Array` for bytes, arrays and records for what is kept as JSON.
 */
import { parseJson, stringifyJson } from "../json.ts";
import { columns } from "./columns.ts";
import type { TableName } from "./types.ts";

/** How a column is kept, or an element of one that is kept as JSON. */
export type Codec =
  | "text"
  | "uuid"
  | "int"
  | "float"
  | "bool"
  | "timestamp"
  | "bytes"
  | "json"
  | { readonly list: Codec }
  | { readonly set: Codec }
  | { readonly map: Codec }
  | { readonly tuple: readonly Codec[] }
  | { readonly union: readonly Codec[] }
  | { readonly optional: Codec };

/** A row as the driver gives it. */
export type RawRow = Readonly<Record<string, unknown>>;

/** A value that does not fit its column: a fault of the program, or of a row that something else has written. */
export class CodecError extends Error {
  override readonly name = "CodecError";
}

/** The columns of a table, with their values as TypeScript has them. Columns that the row lacks are left out. */
export function decodeRow<T extends object>(table: TableName, raw: object): T {
  const row: Record<string, unknown> = {};
  const cells = raw as RawRow;
  for (const [column, codec] of Object.entries<Codec>(columns[table])) {
    const value = cells[column];
    if (value === undefined) continue;
    row[column] = value === null ? null : decodeCell(codec, value, `${table}.${column}`);
  }
  // What each column holds is what `types.ts` says of it: both are made from the same declaration.
  return row as T;
}

/** Values as the driver takes them. Columns that are not given are left out; `undefined` counts as not given. */
export function encodeRow(table: TableName, values: object): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  const codecs: Readonly<Record<string, Codec>> = columns[table];
  for (const [column, value] of Object.entries(values)) {
    const codec = Object.hasOwn(codecs, column) ? codecs[column] : undefined;
    if (codec === undefined) throw new CodecError(`\`${table}\` has no column \`${column}\``);
    if (value === undefined) continue;
    row[column] = value === null ? null : encodeCell(codec, value, `${table}.${column}`);
  }
  return row;
}

/** What a column holds, from what the driver gave. */
function decodeCell(codec: Codec, value: unknown, place: string): unknown {
  switch (codec) {
    case "text":
    case "uuid":
      return text(value, place);
    case "int":
      if (typeof value === "bigint") return value;
      if (Number.isSafeInteger(value)) return BigInt(value as number);
      return wrong(value, "a whole number", place);
    case "float":
      // SQLite gives a real that is whole as what it is; only a sum may come back as an integer.
      return typeof value === "bigint" ? Number(value) : number(value, place);
    case "bool":
      if (typeof value === "boolean") return value;
      if (typeof value === "bigint" || typeof value === "number") return Number(value) !== 0;
      return wrong(value, "true or false", place);
    case "timestamp":
      return instant(value, place);
    case "bytes":
      // A `Buffer` is one too, but has a JSON of its own.
      if (value instanceof Uint8Array)
        return Buffer.isBuffer(value) ? new Uint8Array(value) : value;
      return wrong(value, "bytes", place);
    default:
      return decodeJson(codec, typeof value === "string" ? parseJson(value) : value, place);
  }
}

/** What the driver takes for a column. */
function encodeCell(codec: Codec, value: unknown, place: string): unknown {
  switch (codec) {
    case "text":
      return text(value, place);
    case "uuid":
      return text(value, place).toLowerCase();
    case "int":
      return whole(value, place);
    case "float":
      return typeof value === "bigint" ? Number(value) : number(value, place);
    case "bool":
      if (typeof value === "boolean") return value;
      return wrong(value, "true or false", place);
    case "timestamp":
      return instant(value, place).toISOString();
    case "bytes":
      if (value instanceof Uint8Array) return value;
      return wrong(value, "bytes", place);
    default:
      return stringifyJson(encodeJson(codec, value, place));
  }
}

/** A value inside of JSON, as TypeScript has it. */
function decodeJson(codec: Codec, value: unknown, place: string): unknown {
  if (typeof codec === "object") {
    if ("optional" in codec)
      return value === null ? null : decodeJson(codec.optional, value, place);
    if ("list" in codec)
      return items(value, place).map((item) => decodeJson(codec.list, item, place));
    if ("set" in codec)
      return items(value, place).map((item) => decodeJson(codec.set, item, place));
    if ("map" in codec) return mapped(value, place, (item) => decodeJson(codec.map, item, place));
    if ("tuple" in codec) return tuple(codec.tuple, value, place, decodeJson);
    return member(codec.union, value, place, decodeJson);
  }
  switch (codec) {
    case "json":
      return value;
    case "int":
      if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
      if (typeof value === "bigint") return value;
      return wrong(value, "a whole number", place);
    case "float":
      return typeof value === "bigint" ? Number(value) : number(value, place);
    case "bool":
      return typeof value === "boolean" ? value : wrong(value, "true or false", place);
    case "timestamp":
      return instant(value, place);
    case "bytes":
      return new Uint8Array(Buffer.from(text(value, place), "base64"));
    case "text":
    case "uuid":
      return text(value, place);
  }
}

/** A value as it stands inside of JSON; whole numbers stay `bigint` for the writer. */
function encodeJson(codec: Codec, value: unknown, place: string): unknown {
  if (typeof codec === "object") {
    if ("optional" in codec)
      return value === null || value === undefined
        ? null
        : encodeJson(codec.optional, value, place);
    if ("list" in codec)
      return items(value, place).map((item) => encodeJson(codec.list, item, place));
    if ("set" in codec)
      return distinct(items(value, place).map((item) => encodeJson(codec.set, item, place)));
    if ("map" in codec) return mapped(value, place, (item) => encodeJson(codec.map, item, place));
    if ("tuple" in codec) return tuple(codec.tuple, value, place, encodeJson);
    return member(codec.union, value, place, encodeJson);
  }
  if (codec === "json") return value;
  if (codec === "bytes" && value instanceof Uint8Array)
    return Buffer.from(value).toString("base64");
  return encodeCell(codec, value, place);
}

/** Each value once, the first of equal ones. */
function distinct(values: readonly unknown[]): unknown[] {
  const seen = new Map<string, unknown>();
  for (const value of values) {
    const written = stringifyJson(value);
    if (!seen.has(written)) seen.set(written, value);
  }
  return [...seen.values()];
}

type Step = (codec: Codec, value: unknown, place: string) => unknown;

function tuple(codecs: readonly Codec[], value: unknown, place: string, step: Step): unknown[] {
  const parts = items(value, place);
  if (parts.length !== codecs.length) return wrong(value, `${codecs.length} values`, place);
  return codecs.map((codec, at) => step(codec, parts[at], place));
}

/** The first member of the union that the value fits. */
function member(codecs: readonly Codec[], value: unknown, place: string, step: Step): unknown {
  for (const codec of codecs) {
    try {
      return step(codec, value, place);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
  }
  return wrong(value, "a value of one of its types", place);
}

function mapped(
  value: unknown,
  place: string,
  step: (value: unknown) => unknown,
): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return wrong(value, "a map", place);
  // No prototype: any key is a key of the user.
  const out = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) out[key] = step(item);
  return { ...out };
}

function items(value: unknown, place: string): readonly unknown[] {
  return Array.isArray(value) ? value : wrong(value, "a list", place);
}

function text(value: unknown, place: string): string {
  return typeof value === "string" ? value : wrong(value, "text", place);
}

function number(value: unknown, place: string): number {
  return typeof value === "number" && Number.isFinite(value)
    ? value
    : wrong(value, "a number", place);
}

const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

function whole(value: unknown, place: string): bigint {
  const integer = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof integer !== "bigint") return wrong(value, "a whole number", place);
  if (integer < LEAST || integer > MOST) return wrong(value, "a whole number of 64 bits", place);
  return integer;
}

function instant(value: unknown, place: string): Date {
  const date = value instanceof Date ? value : new Date(text(value, place));
  return Number.isNaN(date.getTime()) ? wrong(value, "an instant", place) : date;
}

/** The value itself stays out of the message: it may be a secret. */
function wrong(value: unknown, expected: string, place: string): never {
  throw new CodecError(
    `\`${place}\` wants ${expected}, not a ${value === null ? "null" : typeof value}`,
  );
}
