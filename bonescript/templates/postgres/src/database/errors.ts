/** What a client is told of errors of PostgreSQL: never its words, which may hold values and SQL. */
import pg from "pg";

import { Problem } from "../errors.ts";
import { constraints } from "./constraints.ts";

/** The problem that an error of the database is; `null` where it is none that a client could do anything about. */
export function databaseProblem(error: unknown): Problem | null {
  if (!(error instanceof pg.DatabaseError)) return unreachable(error);
  const { code = "", column, constraint } = error;
  const options = { cause: error };
  switch (code) {
    case "23505": {
      // `Key (email)=(…) already exists.`: the names, not the values.
      const names = /^Key \(([\w", ]+)\)=/.exec(error.detail ?? "")?.[1]?.replaceAll('"', "");
      const message =
        names === undefined ? "such a row exists already" : `\`${names}\` is taken already`;
      return new Problem("CONFLICT", message, options);
    }
    case "23503":
      return new Problem(
        "CONFLICT",
        "a row that this refers to is not there, or still referred to",
        options,
      );
    case "23502": {
      const what = column === undefined ? "a field" : `\`${column}\``;
      return new Problem("CONSTRAINT_FAILED", `${what} must have a value`, options);
    }
    case "23514":
      return new Problem("CONSTRAINT_FAILED", textOf(constraint ?? ""), options);
    case "22003":
    case "22008":
      return new Problem("CONSTRAINT_FAILED", "a number or time is out of range", options);
    case "22012":
      return new Problem("CONSTRAINT_FAILED", "a division by zero", options);
    case "22021":
    case "22P02":
    case "22P05":
    case "22007":
      return new Problem("VALIDATION_FAILED", "a value has the wrong form", options);
    case "54000":
      // A row of an index holds some 2,700 bytes.
      return new Problem("VALIDATION_FAILED", "a value that is looked up is too long", options);
    case "57014":
      return new Problem("TIMEOUT", "the database needed too long", options);
    case "40001":
    case "40P01":
      return new Problem("UNAVAILABLE", "too many changes at once; try again", {
        ...options,
        headers: { "retry-after": "1" },
      });
    default:
      return code.startsWith("08") || code.startsWith("53") || code.startsWith("57")
        ? away(error)
        : null;
  }
}

const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "ETIMEDOUT", "EPIPE"]);

function unreachable(error: unknown): Problem | null {
  if (!(error instanceof Error)) return null;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const ended =
    /timeout exceeded when trying to connect|Connection terminated|encountered a connection error/.test(
      error.message,
    );
  return NETWORK.has(code) || ended ? away(error) : null;
}

function away(cause: unknown): Problem {
  return new Problem("UNAVAILABLE", "the database does not answer", {
    cause,
    headers: { "retry-after": "1" },
  });
}

/** A constraint in the words of the program. */
function textOf(name: string): string {
  return constraints[name]?.text ?? "a constraint of the row is not met";
}
