/** What a flow is. One file beside this says it of each. */
import type { z } from "zod";

import type { CapabilityName } from "../capabilities/registry.ts";
import type { Caller, Context } from "../context.ts";
import { bare } from "../json.ts";

/** What a step can do. */
export interface StepCall {
  readonly context: Context;
  readonly caller: Caller;
  /** The same whenever this step of this run is done again. */
  readonly key: string;
  /**
   * Has a capability done. A step that is done again, after its process died, has the answer of the first time: the
   * capability keeps it with its effects.
   */
  call(capability: CapabilityName, input: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface StepSpecification<Inputs> {
  readonly name: string;
  readonly run: (inputs: Inputs, step: StepCall) => Promise<unknown>;
  /** What takes it back when a later step fails. */
  readonly undo: ((inputs: Inputs, step: StepCall) => Promise<unknown>) | null;
}

export interface FlowSpecification<Body, Inputs> {
  readonly name: string;
  readonly path: string;
  readonly body: z.ZodType<Body>;
  /** `created` is the id of the row that a step has made. */
  readonly inputs: (body: Body, created: (step: string) => string | null) => Inputs;
  readonly steps: readonly StepSpecification<Inputs>[];
}

/** What the answers of steps so far are, by the names of the steps. */
export type Results = Readonly<Record<string, unknown>>;

export interface Step {
  readonly name: string;
  readonly run: (body: unknown, results: Results, step: StepCall) => Promise<unknown>;
  readonly undo: ((body: unknown, results: Results, step: StepCall) => Promise<unknown>) | null;
}

/** A flow whose types are its own business. */
export interface Flow {
  readonly name: string;
  readonly path: string;
  /** Throws a `ZodError`. */
  check(body: unknown): void;
  readonly steps: readonly Step[];
}

export function defineFlow<Body, Inputs>(specification: FlowSpecification<Body, Inputs>): Flow {
  const { name, path, body: schema, inputs, steps } = specification;
  const bind =
    (work: (inputs: Inputs, step: StepCall) => Promise<unknown>) =>
    (body: unknown, results: Results, step: StepCall): Promise<unknown> =>
      work(
        inputs(schema.parse(bare(body)), (made) => createdBy(results, made)),
        step,
      );
  return {
    name,
    path,
    check(body) {
      schema.parse(bare(body));
    },
    steps: steps.map((step) => ({
      name: step.name,
      run: bind(step.run),
      undo: step.undo === null ? null : bind(step.undo),
    })),
  };
}

function createdBy(results: Results, step: string): string | null {
  const answer = Object.hasOwn(results, step) ? results[step] : null;
  const row = property(answer, "created");
  const id = property(row, "id");
  return typeof id === "string" ? id : null;
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? new Map(Object.entries(value)).get(name)
    : undefined;
}
