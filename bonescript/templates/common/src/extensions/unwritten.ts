/** Functions that the program declares and nobody has written yet. */
import { Problem } from "../errors.ts";

const UNWRITTEN = Symbol("unwritten");

/** A stable extension point that is not written: the server does not start without it. */
export class UnwrittenError extends Error {
  override readonly name = "UnwrittenError";
}

/** Stands for a function until somebody writes it. Calling it is a problem of 501. */
export function unwritten(name: string): () => Promise<never> {
  const standIn = (): Promise<never> =>
    Promise.reject(
      new Problem(
        "NOT_IMPLEMENTED",
        `\`${name}\` is not written yet: see src/extensions/${name}.ts`,
      ),
    );
  return Object.assign(standIn, { [UNWRITTEN]: true });
}

export function isUnwritten(value: unknown): boolean {
  return typeof value === "function" && UNWRITTEN in value;
}
