/** State machines: from which state which other can be reached, and what must hold for it. */
import { Problem } from "./errors.ts";

export interface Transition<State extends string, Row> {
  readonly from: State;
  readonly to: State;
  /** Must hold of the row as it was before; with the words of the program. */
  readonly guard?: { readonly holds: (row: Row) => boolean; readonly text: string };
}

export interface Machine<State extends string, Row> {
  /** The first is the initial one. */
  readonly states: readonly State[];
  readonly transitions: readonly Transition<State, Row>[];
}

/** The next state of a row. Throws a problem of 422 where no transition leads there, or its guard does not hold. */
export function move<State extends string, Row>(
  machine: Machine<State, Row>,
  from: string,
  to: string,
  before: Row,
): State {
  const next = machine.transitions.find(
    (transition) => transition.from === from && transition.to === to,
  );
  if (next === undefined) {
    throw new Problem("INVALID_TRANSITION", `no transition leads from \`${from}\` to \`${to}\``);
  }
  if (next.guard !== undefined && !next.guard.holds(before)) {
    throw new Problem(
      "INVALID_TRANSITION",
      `\`${from}\` becomes \`${to}\` only if ${next.guard.text}`,
    );
  }
  return next.to;
}
