// Running other programs, and waiting for what they do.

import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";

/** What failed, in words for a person. */
export class Failure extends Error {}

export function requireEnv(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Failure(`${name} is not set: start this through \`tests/backend/run\``);
  }
  return value;
}

export interface Command {
  readonly cwd: string;
  readonly log: string;
  readonly env?: Record<string, string>;
  /** Milliseconds after which it is killed and counts as failed. */
  readonly limit?: number;
}

/** Runs a command to its end; all it says goes to a log, whose end is told where the command fails. */
export async function run(program: string, args: readonly string[], how: Command): Promise<void> {
  mkdirSync(dirname(how.log), { recursive: true });
  const log = createWriteStream(how.log);
  const child = spawn(program, args, {
    cwd: how.cwd,
    env: { ...process.env, ...how.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: how.limit ?? 10 * 60_000,
    killSignal: "SIGKILL",
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve(code ?? signal ?? "nothing");
    });
  });
  await new Promise((resolve) => log.end(resolve));
  if (code !== 0) {
    const said = readFileSync(how.log, "utf8").split("\n").slice(-60).join("\n");
    throw new Failure(`\`${[program, ...args].join(" ")}\` ended with ${code}\n${said}`);
  }
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") {
          reject(new Failure("no port is free"));
        } else {
          resolve(address.port);
        }
      });
    });
  });
}

/** Asks again until the answer is true. */
export async function until(what: string, limit: number, ask: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + limit;
  while (Date.now() < end) {
    if (await ask()) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Failure(`${what}: not within ${limit / 1000} s`);
}

export function same(what: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Failure(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
  }
}

export function holds(what: string, condition: boolean): void {
  if (!condition) {
    throw new Failure(what);
  }
}
