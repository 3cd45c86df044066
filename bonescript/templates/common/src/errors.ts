/** Problems that a client is told: a status, a code that programs read, and a sentence for people. */
import type { ZodError } from "zod";

/** What a client can have done wrong, or what is not there, with the status of each. */
const STATUS = {
  VALIDATION_FAILED: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  PRECONDITION_FAILED: 422,
  INVALID_TRANSITION: 422,
  CONSTRAINT_FAILED: 422,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  NOT_IMPLEMENTED: 501,
  UNAVAILABLE: 503,
  TIMEOUT: 503,
} as const;

export type ProblemCode = keyof typeof STATUS;

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(STATUS, code);
}

/** One field that is wrong. */
export interface FieldProblem {
  /** Where, as a path with dots; empty for the whole. */
  path: string;
  message: string;
}

/** An error that becomes an answer. Anything else that is thrown becomes a 500 without detail. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly status: number;
  readonly details: readonly FieldProblem[] | undefined;
  /** Sent as headers, such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    message: string,
    options: {
      details?: readonly FieldProblem[];
      headers?: Record<string, string>;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.status = STATUS[code];
    this.details = options.details;
    this.headers = options.headers ?? {};
  }

  /** The body of the answer. */
  toBody(): { error: { code: string; message: string; details?: readonly FieldProblem[] } } {
    const { code, message, details } = this;
    return { error: { code, message, ...(details && { details }) } };
  }
}

export function notFound(what: string): Problem {
  return new Problem("NOT_FOUND", `there is no such ${what}`);
}

export function forbidden(message: string): Problem {
  return new Problem("FORBIDDEN", message);
}

/** A body, query or path that its schema refuses. */
export function invalid(error: ZodError): Problem {
  const details = error.issues.slice(0, 50).flatMap((issue): FieldProblem[] => {
    const path = issue.path.map(String).join(".");
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    return issue.keys.slice(0, 20).map((key) => ({
      path: path === "" ? key : `${path}.${key}`,
      message: "this field is unknown here",
    }));
  });
  return new Problem("VALIDATION_FAILED", "some fields are wrong", { details });
}
