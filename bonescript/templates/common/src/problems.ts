/** What a client is told of an error: nothing of the inside, unless it is a problem that was meant for it. */
import { STATUS_CODES } from "node:http";

import { ZodError } from "zod";

import { databaseProblem } from "./database/errors.ts";
import { TransactionTimeout } from "./database/transaction.ts";
import { invalid, Problem, type ProblemCode } from "./errors.ts";
import { stringifyJson } from "./json.ts";

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

/** The answer on a connection where there is no reply: what came is no request, or asked for another protocol. */
export function rawAnswer(problem: Problem, status: number = problem.status): string {
  const body = stringifyJson(problem.toBody());
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** The answer to what Node cannot read as a request. */
export function unreadable(error: NodeJS.ErrnoException): string {
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return rawAnswer(new Problem("TIMEOUT", "the request did not come to its end"), 408);
  }
  if (error.code === "HPE_HEADER_OVERFLOW") {
    return rawAnswer(new Problem("PAYLOAD_TOO_LARGE", "the headers are too large"), 431);
  }
  return rawAnswer(new Problem("VALIDATION_FAILED", "this is no request of HTTP"));
}
