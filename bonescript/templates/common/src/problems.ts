/** What a client is told of an error: nothing of the inside, unless it is a problem that was meant for it. */
import { ZodError } from "zod";

import { databaseProblem } from "./database/errors.ts";
import { TransactionTimeout } from "./database/transaction.ts";
import { invalid, Problem, type ProblemCode } from "./errors.ts";

/** What Fastify itself refuses, by its status. */
const REFUSALS: Readonly<Record<number, ProblemCode>> = {
  404: "NOT_FOUND",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  503: "UNAVAILABLE",
};

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ZodError) return invalid(error);
  if (error instanceof TransactionTimeout) {
    return new Problem("TIMEOUT", "this took too long, and nothing of it was kept", {
      cause: error,
    });
  }
  const database = databaseProblem(error);
  if (database !== null) return database;
  if (error instanceof Error && "statusCode" in error) {
    const { statusCode } = error;
    if (typeof statusCode === "number" && (statusCode < 500 || statusCode === 503)) {
      return new Problem(REFUSALS[statusCode] ?? "VALIDATION_FAILED", error.message);
    }
  }
  return new Problem("INTERNAL", "something went wrong on our side", { cause: error });
}
