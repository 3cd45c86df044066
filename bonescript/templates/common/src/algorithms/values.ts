/** Reading what algorithms are given: rows, or JSON in which anything may be. */
import { Problem } from "../errors.ts";

/** Whatever can be a node, a worker or a key: a text, a number, or a row, which is known by its id. */
export function nameOf(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return value.toString();
  const id = fieldOf(value, "id");
  if (typeof id === "string") return id;
  throw wrong(`${what} is a text, a number or a row`);
}

export function numberOf(value: unknown, what: string): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw wrong(`${what} is a number`);
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(`${what} is a list`);
}

/** What stands under names: a map, or an object of JSON. */
export function entriesOf(value: unknown, what: string): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.entries(value);
  throw wrong(`${what} is an object`);
}

/** A field of an object; `undefined` where there is none. */
export function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, field)) return undefined;
  return Reflect.get(value, field);
}

export function wrong(message: string): Problem {
  return new Problem("VALIDATION_FAILED", message);
}
