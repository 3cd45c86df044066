/** Applies the policies: who is let in, how often, and what is written to the audit log. */
import type { FastifyRequest } from "fastify";

import type { Caller } from "../context.ts";
import { ADMIN, isNamed } from "../entities/ownership.ts";
import { forbidden } from "../errors.ts";
import { policies } from "./policies.ts";
import { createLimiter, type Limit, type Limiter } from "./rate-limit.ts";

/** What a policy applies to. */
export type Scope =
  | { readonly kind: "system" }
  | { readonly kind: "entity"; readonly entity: string }
  | { readonly kind: "capability"; readonly capability: string };

export interface Policy {
  readonly name: string;
  readonly scope: Scope;
  readonly limit: Limit | null;
  /** Callers, by entity or role; `null` lets in everyone. */
  readonly access: readonly string[] | null;
  readonly audit: boolean;
}

/** What a route is about. */
export interface Subject {
  entity?: string | undefined;
  capability?: string | undefined;
}

export interface Guard {
  /** Counts the request. Throws a problem of 429. */
  limit(request: FastifyRequest, caller: Caller | null, now: number): void;
  /** Whether the caller is let in. */
  admits(caller: Caller): boolean;
  /** Throws a problem of 403 where the caller is not let in. */
  admit(caller: Caller): void;
  /** Whether what is done is written to the audit log. */
  readonly audit: boolean;
}

// One for each policy, so that it counts over all the routes that it applies to.
const limiters = new Map<Policy, Limiter>(
  policies.flatMap((policy) =>
    policy.limit === null ? [] : [[policy, createLimiter(policy.limit)] as const],
  ),
);

/** The policies that apply to a route, as one. */
export function guardFor(subject: Subject): Guard {
  const applying = policies.filter(({ scope }) => {
    if (scope.kind === "system") return true;
    return scope.kind === "entity"
      ? scope.entity === subject.entity
      : scope.capability === subject.capability;
  });
  const admits = (caller: Caller): boolean =>
    caller.roles.includes(ADMIN) ||
    applying.every(({ access }) => access === null || isNamed(caller, access));
  return {
    limit(request, caller, now) {
      const key = caller === null ? `address ${request.ip}` : `caller ${caller.id}`;
      for (const policy of applying) limiters.get(policy)?.take(key, now);
    },
    admits,
    admit(caller) {
      if (!admits(caller)) throw forbidden("callers like you are not let in here");
    },
    audit: applying.some((policy) => policy.audit),
  };
}
