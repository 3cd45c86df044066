/** Structured logs: JSON lines with the id of the request, never with secrets. */
import { pino, type Logger as Pino } from "pino";

import type { Config } from "./config.ts";

export type Logger = Pino;

/** Headers and fields that hold secrets, wherever a log line may carry them. */
const SECRET = [
  "req.headers.authorization",
  "req.headers.cookie",
  'req.headers["x-api-key"]',
  "headers.authorization",
  "headers.cookie",
  'headers["x-api-key"]',
  "*.password",
  "*.token",
  "*.secret",
  "password",
  "token",
  "secret",
];

export function createLogger(config: Pick<Config, "logLevel">): Logger {
  return pino({
    level: config.logLevel,
    redact: { paths: SECRET, censor: "[redacted]" },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}
