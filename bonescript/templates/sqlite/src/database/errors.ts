/** What a client is told of errors of SQLite: never its words, which may hold SQL. */
import { Problem } from "../errors.ts";
import { constraints } from "./constraints.ts";

/** The extended codes of SQLite: https://www.sqlite.org/rescode.html */
const CHECK = 275;
const FOREIGN_KEY = 787;
const NOT_NULL = 1299;
const PRIMARY_KEY = 1555;
const TRIGGER = 1811;
const UNIQUE = 2067;
const DATATYPE = 3091;
const BUSY = 5;
const LOCKED = 6;

/** The problem that an error of the database is; `null` where it is none that a client could do anything about. */
export function databaseProblem(error: unknown): Problem | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  if (error.code === "ERR_INVALID_ARG_VALUE" && /BigInt/i.test(error.message)) {
    return new Problem("CONSTRAINT_FAILED", "a number is out of range", { cause: error });
  }
  if (error.code !== "ERR_SQLITE_ERROR" || !("errcode" in error)) return null;
  const options = { cause: error };
  // `UNIQUE constraint failed: buyers.email`: names of columns or of the constraint, never values.
  const names = /constraint failed: ([\w., ]+)$/.exec(error.message)?.[1] ?? "";
  const columns = names.split(", ").map((name) => name.split(".").at(-1) ?? name);
  switch (error.errcode) {
    case UNIQUE:
    case PRIMARY_KEY:
      return new Problem("CONFLICT", `\`${columns.join(", ")}\` is taken already`, options);
    case FOREIGN_KEY:
    case TRIGGER:
      // Some constraints are kept by triggers.
      if (constraints[names] !== undefined) {
        return new Problem("CONSTRAINT_FAILED", textOf(names), options);
      }
      return new Problem(
        "CONFLICT",
        "a row that this refers to is not there, or still referred to",
        options,
      );
    case NOT_NULL:
      return new Problem(
        "CONSTRAINT_FAILED",
        `\`${columns.join(", ")}\` must have a value`,
        options,
      );
    case CHECK:
    case DATATYPE:
      return new Problem("CONSTRAINT_FAILED", textOf(names), options);
    case BUSY:
    case LOCKED:
      return new Problem("UNAVAILABLE", "too many changes at once; try again", {
        ...options,
        headers: { "retry-after": "1" },
      });
    default:
      return null;
  }
}

/** A constraint in the words of the program. */
function textOf(name: string): string {
  return constraints[name]?.text ?? "a constraint of the row is not met";
}
