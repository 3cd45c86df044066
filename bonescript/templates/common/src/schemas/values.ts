/** The types of the language as zod schemas: what JSON may hold for each, and what it becomes. */
import { z } from "zod";

import { isText, type Json } from "../json.ts";

const MAX_INTEGER = 2n ** 63n - 1n;

export interface Range {
  minimum?: bigint;
  maximum?: bigint;
}

/** A whole number of 64 bits. JSON gives the long ones as `bigint`, the short ones as `number`. */
export function integer({ minimum = -MAX_INTEGER - 1n, maximum = MAX_INTEGER }: Range = {}) {
  return z
    .union([z.number(), z.bigint()], { error: "a whole number" })
    .transform((value, context): bigint => {
      if (typeof value === "number" && !Number.isSafeInteger(value)) {
        context.addIssue({ code: "custom", message: "a whole number" });
        return z.NEVER;
      }
      const whole = BigInt(value);
      if (whole < minimum || whole > maximum) {
        const message = whole < minimum ? `at least ${minimum}` : `at most ${maximum}`;
        context.addIssue({ code: "custom", message });
        return z.NEVER;
      }
      return whole;
    });
}

/** A whole number from 0. */
export function uint({ minimum = 0n, maximum }: Range = {}) {
  return integer({ minimum, ...(maximum !== undefined && { maximum }) });
}

export function float({ minimum = -Number.MAX_VALUE, maximum = Number.MAX_VALUE } = {}) {
  return z
    .union([z.number(), z.bigint()], { error: "a number" })
    .transform(Number)
    .pipe(z.number().min(minimum, `at least ${minimum}`).max(maximum, `at most ${maximum}`));
}

export interface Length {
  minimum?: number;
  maximum?: number;
}

/** Text; lengths are in characters, as the database counts them. */
export function text({ minimum = 0, maximum }: Length = {}) {
  const plain = z
    .string({ error: "text" })
    .refine(isText, "text without NUL and halves of characters");
  if (minimum === 0 && maximum === undefined) return plain;
  const most = maximum ?? Number.MAX_SAFE_INTEGER;
  const message =
    maximum === undefined
      ? `at least ${minimum} characters`
      : `${minimum} to ${maximum} characters`;
  return plain.refine((value) => {
    // A character has one or two code units: most texts need no counting.
    if (value.length < minimum || value.length > most * 2) return false;
    if (value.length <= most && value.length >= minimum * 2) return true;
    const { length } = [...value];
    return length >= minimum && length <= most;
  }, message);
}

export const bool = z.boolean({ error: "`true` or `false`" });

/** In lower case, as the database gives it back. */
export const uuid = z.guid({ error: "a UUID" }).transform((value) => value.toLowerCase());

/** RFC 3339. Years of four digits, as every database keeps them. */
export const timestamp = z.iso
  .datetime({ offset: true, error: "a time in RFC 3339, such as `2026-01-31T12:00:00Z`" })
  .transform((value, context): Date => {
    const time = new Date(value);
    if (Number.isNaN(time.getTime()) || time.getUTCFullYear() < 1 || time.getUTCFullYear() > 9999) {
      context.addIssue({ code: "custom", message: "a time that exists" });
      return z.NEVER;
    }
    return time;
  });

/** Base64, as RFC 4648 has it. */
export const bytes = z
  .base64({ error: "bytes in base64" })
  .transform((value): Uint8Array => new Uint8Array(Buffer.from(value, "base64")));

/** Anything; the text was checked when it was read. */
export const json: z.ZodType<Json, unknown> = z.custom<Json>(
  (value) => value !== undefined,
  "a value",
);

export function list<T extends z.ZodType>(
  element: T,
  { minimum = 0, maximum = 100_000 }: Length = {},
) {
  return z
    .array(element, { error: "a list" })
    .min(minimum, `at least ${minimum} elements`)
    .max(maximum, `at most ${maximum} elements`);
}

/** A list in which nothing is twice. */
export function set<T extends z.ZodType>(element: T, length: Length = {}) {
  return list(element, length).refine(
    (values) => new Set(values.map(identity)).size === values.length,
    {
      message: "no element twice",
    },
  );
}

/** What tells two values apart. */
function identity(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? `${part}n` : part,
  );
}

export function map<T extends z.ZodType>(
  key: z.ZodType<unknown, string>,
  value: T,
  length: Length = {},
) {
  const { minimum = 0, maximum = 100_000 } = length;
  return z.record(z.string(), value, { error: "an object" }).superRefine((record, context) => {
    const names = Object.keys(record);
    for (const name of names) {
      if (!key.safeParse(name).success) {
        context.addIssue({ code: "custom", path: [name], message: "not a key of this map" });
      }
    }
    if (names.length < minimum || names.length > maximum) {
      context.addIssue({ code: "custom", message: `${minimum} to ${maximum} entries` });
    }
  });
}

/** A whole number as the key of a map. */
export const integerKey = z.string().regex(/^-?(0|[1-9]\d{0,18})$/);

/** A whole number in a query, where everything is text. */
export const integerText = z
  .string({ error: "a whole number" })
  .regex(/^-?\d{1,19}$/, "a whole number")
  .transform(BigInt)
  .pipe(
    z
      .bigint()
      .min(-MAX_INTEGER - 1n, "a number of 64 bits")
      .max(MAX_INTEGER, "a number of 64 bits"),
  );

/** The same from 0 on. */
export const uintText = integerText.refine((value) => value >= 0n, "a whole number from 0");

/** `true` or `false` in a query. */
export const boolText = z
  .enum(["true", "false"], { error: "`true` or `false`" })
  .transform((value) => value === "true");
