/**
 * What expressions of the program mean where TypeScript has no operator for it.
 *
 * `none` is `null`. A comparison with it is false, save that nothing equals nothing; arithmetic with it gives it. Whole
 * numbers are `bigint`: a division of them drops the rest. What has no answer, such as a division by zero, is a problem
 * of 422.
 */
import { Problem } from "./errors.ts";
import { parseJson, stringifyJson, type Json } from "./json.ts";

const MAX_INTEGER = 2n ** 63n - 1n;

type Number_ = bigint | number;

function unanswerable(message: string): Problem {
  return new Problem("PRECONDITION_FAILED", message);
}

/** Division: of whole numbers without the rest, of others as it is. */
export function divide(left: bigint, right: bigint): bigint;
export function divide(left: number, right: number): number;
export function divide(left: Number_, right: Number_): Number_ {
  if (Number(right) === 0) throw unanswerable("a division by zero");
  return typeof left === "bigint" ? left / BigInt(right) : left / Number(right);
}

/** What a division leaves, with the sign of the left side. */
export function remainder(left: bigint, right: bigint): bigint;
export function remainder(left: number, right: number): number;
export function remainder(left: Number_, right: Number_): Number_ {
  if (Number(right) === 0) throw unanswerable("a division by zero");
  return typeof left === "bigint" ? left % BigInt(right) : left % Number(right);
}

/** A function of two values that gives nothing where one of them is nothing. */
export function both<A, B, C>(
  left: A | null,
  right: B | null,
  then: (left: A, right: B) => C,
): C | null {
  return left === null || right === null ? null : then(left, right);
}

/** A function of a value that gives nothing for nothing. */
export function some<A, B>(value: A | null, then: (value: A) => B): B | null {
  return value === null ? null : then(value);
}

/** How many characters; as the database counts them, not in halves. */
export function characters(value: string): bigint {
  let count = 0n;
  for (const _character of value) count += 1n;
  return count;
}

/** How many elements a json value has, or characters. */
export function size(value: unknown): bigint {
  if (typeof value === "string") return characters(value);
  if (value instanceof Uint8Array || Array.isArray(value)) return BigInt(value.length);
  if (typeof value === "object" && value !== null) return BigInt(Object.keys(value).length);
  throw unanswerable("this value has no size");
}

/** A value as text, as `+` beside text has it; nothing is the empty text. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  throw unanswerable("this value has no text");
}

/** The value of a key: of an own property, never of a prototype. */
export function keyOf<T>(value: Readonly<Record<string, T>> | null, key: string): T | null;
export function keyOf(value: Json | undefined, key: string): Json;
export function keyOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const found: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return found ?? null;
}

/** The same value with another one under a key, however deep. */
export function withKey(value: Json, keys: readonly string[], next: Json): Json {
  const [key, ...rest] = keys;
  if (key === undefined) return next;
  const before = typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  const entries = new Map(Object.entries(before));
  entries.set(key, withKey(entries.get(key) ?? null, rest, next));
  return Object.fromEntries(entries);
}

/** Whether two values are the same: numbers by their value, instants by their time, all else part by part. */
export function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  // Whole numbers and others are compared exactly, which only `<` and `>` do between the two.
  if (isNumber(left) && isNumber(right)) return left >= right && left <= right;
  if (left instanceof Date || right instanceof Date) {
    const [one, other] = [instant(left), instant(right)];
    return one !== null && one === other;
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array)
    return Buffer.compare(left, right) === 0;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((part, at) => equal(part, right[at]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => Object.hasOwn(right, name) && equal(left[name], right[name]));
}

/** Whether one value is before another; false where they have no order. */
export function less(left: unknown, right: unknown): boolean {
  return ordered(left, right, (one, other) => one < other);
}

export function lessOrEqual(left: unknown, right: unknown): boolean {
  return ordered(left, right, (one, other) => one <= other);
}

function ordered(
  left: unknown,
  right: unknown,
  test: (left: Number_, right: Number_) => boolean,
): boolean {
  if (left instanceof Date || right instanceof Date) {
    const [one, other] = [instant(left), instant(right)];
    return one !== null && other !== null && test(one, other);
  }
  if (isNumber(left) && isNumber(right)) return test(left, right);
  return typeof left === "string" && typeof right === "string" && test(compared(left, right), 0);
}

/** Below 0 where the left text comes first, by code points: as the database has it in the collation "C". */
function compared(left: string, right: string): number {
  // Halves of pairs come before the last 8192 units, but their characters behind them.
  if (/[\ud800-\udfff]/.test(left) || /[\ud800-\udfff]/.test(right))
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  return left < right ? -1 : Number(left > right);
}

/** Whether a value is from one other to another, both included. */
export function within(value: unknown, low: unknown, high: unknown): boolean {
  return lessOrEqual(low, value) && lessOrEqual(value, high);
}

/** Whether a whole holds a part: text in text, an element of a list or set, a key of an object. */
export function contains(whole: unknown, part: unknown): boolean {
  if (typeof whole === "string") return typeof part === "string" && whole.includes(part);
  if (Array.isArray(whole)) return whole.some((element) => equal(element, part));
  if (isObject(whole))
    return (typeof part === "string" || isNumber(part)) && Object.hasOwn(whole, String(part));
  return false;
}

/** A set with an element that it may have had already. */
export function withElement<T>(set: readonly T[], element: T): T[] {
  return contains(set, element) ? [...set] : [...set, element];
}

export function withoutElement<T>(set: readonly T[], element: T): T[] {
  return set.filter((known) => !equal(known, element));
}

/** The sum of a list. */
export function sumOf(values: readonly (bigint | null)[]): bigint {
  return values.reduce<bigint>((sum, value) => sum + (value ?? 0n), 0n);
}

export function sumOfFloats(values: readonly unknown[]): number {
  return values.reduce<number>((sum, value) => sum + (isNumber(value) ? Number(value) : 0), 0);
}

/** The sum of the numbers in a json list. */
export function sumOfAny(values: unknown): number {
  return Array.isArray(values) ? sumOfFloats(values) : 0;
}

/** A span of time by a factor, to the millisecond. */
export function scaled(span: bigint, factor: number): bigint {
  const milliseconds = Math.round(Number(span) * factor);
  if (!Number.isSafeInteger(milliseconds))
    throw unanswerable("a span of time beyond all calendars");
  return BigInt(milliseconds);
}

/** A time later by so many milliseconds. */
export function later(time: Date, milliseconds: bigint): Date {
  return checkedTime(new Date(time.getTime() + Number(milliseconds)));
}

/** The milliseconds from one time to another. */
export function between(from: Date, to: Date): bigint {
  return BigInt(to.getTime() - from.getTime());
}

function checkedTime(time: Date): Date {
  const year = time.getUTCFullYear();
  // RFC 3339 has four digits for it; NaN is beyond what a time can be.
  if (!(year >= 0 && year <= 9999)) throw unanswerable("a time beyond all calendars");
  return time;
}

/** Arithmetic with json: numbers only, and whole ones stay whole. */
export function calculate(
  operator: "+" | "-" | "*" | "/" | "%",
  left: unknown,
  right: unknown,
): Json {
  if (left === null || right === null || left === undefined || right === undefined) return null;
  if (operator === "+" && (typeof left === "string" || typeof right === "string"))
    return textOf(left) + textOf(right);
  if (!isNumber(left) || !isNumber(right))
    throw unanswerable("a calculation with what is no number");
  const [one, other] = [whole(left), whole(right)];
  if (one !== null && other !== null) {
    if (operator === "/") return divide(one, other);
    if (operator === "%") return remainder(one, other);
    return operator === "+" ? one + other : operator === "-" ? one - other : one * other;
  }
  const [a, b] = [Number(left), Number(right)];
  if (operator === "/") return divide(a, b);
  if (operator === "%") return remainder(a, b);
  return operator === "+" ? a + b : operator === "-" ? a - b : a * b;
}

/** `+=` on json: a number is added, an element put into a list that lacks it. */
export function added(before: Json, value: unknown): Json {
  if (Array.isArray(before)) return withElement<Json>(before as readonly Json[], asJson(value));
  return calculate("+", before ?? 0n, value);
}

/** `-=` on json: a number is subtracted, an element taken out of a list. */
export function removed(before: Json, value: unknown): Json {
  if (Array.isArray(before)) return withoutElement<Json>(before as readonly Json[], asJson(value));
  return calculate("-", before ?? 0n, value);
}

/** `<<=` on json: an element behind those of a list. */
export function appended(before: Json, value: unknown): Json {
  if (before !== null && !Array.isArray(before)) throw unanswerable("this value is no list");
  return [...((before ?? []) as readonly Json[]), asJson(value)];
}

/** The negative of a json number. */
export function negate(value: unknown): Json {
  return calculate("-", 0n, value);
}

/** A value that is written to a `uint`. Throws a problem of 422 where it is below 0. */
export function asUint(value: unknown, what: string): bigint {
  return inRange(value, 0n, what);
}

export function asInt(value: unknown, what: string): bigint {
  return inRange(value, -MAX_INTEGER - 1n, what);
}

export function asFloat(value: unknown, what: string): number {
  const number = isNumber(value) ? Number(value) : Number.NaN;
  if (!Number.isFinite(number))
    throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be no number`);
  return number;
}

/** A json value, or one that may be missing, that is written where only text may stand. */
export function asText(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be no text`);
}

export function asBool(value: unknown, what: string): boolean {
  if (typeof value === "boolean") return value;
  throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be neither true nor false`);
}

export function asTime(value: unknown, what: string): Date {
  const time = instant(value);
  if (time === null) throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be no time`);
  return new Date(time);
}

/** A value as JSON has it. */
export function asJson(value: unknown): Json {
  return parseJson(stringifyJson(value));
}

export function asList<T>(value: unknown, what: string): T[] {
  if (Array.isArray(value)) return value as T[];
  throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be no list`);
}

export function asMap<T>(value: unknown, what: string): Record<string, T> {
  if (isObject(value) && !(value instanceof Date)) return { ...value } as Record<string, T>;
  throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be no map`);
}

export function asBytes(value: unknown, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return new Uint8Array(Buffer.from(value, "base64"));
  throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be no bytes`);
}

/** A value that must be there. */
export function there<T>(value: T | null | undefined, what: string): T {
  if (value !== null && value !== undefined) return value;
  throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be nothing`);
}

function inRange(value: unknown, minimum: bigint, what: string): bigint {
  const number = isNumber(value) ? whole(value) : null;
  if (number === null)
    throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be no whole number`);
  if (number < minimum)
    throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be below ${minimum}`);
  if (number > MAX_INTEGER)
    throw new Problem("CONSTRAINT_FAILED", `\`${what}\` would be above ${MAX_INTEGER}`);
  return number;
}

function whole(value: Number_): bigint | null {
  if (typeof value === "bigint") return value;
  return Number.isSafeInteger(value) ? BigInt(value) : null;
}

function isNumber(value: unknown): value is Number_ {
  return typeof value === "number" || typeof value === "bigint";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function instant(value: unknown): number | null {
  if (value instanceof Date) return value.getTime();
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
