// schemathesis against the server's own description: no server error, and no answer that the description does not allow.

import { join } from "node:path";

import type { Account } from "../client.ts";
import { WORK, type Project, type Server } from "../project.ts";
import { requireEnv, run } from "../tools.ts";

const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "ignored_auth",
];

/** How long it may take. */
const LIMIT = 10 * 60_000;

/**
 * `full`: every value that a schema has edges for, and many that nobody thought of. `middle`: the edges, and a few more.
 * `brief`: the examples and a few more.
 */
export type Effort = "full" | "middle" | "brief";

/** Nothing is asked with a token once it was given up, so that is tried last. */
const LAST = "/auth/logout";

export async function fuzz(project: Project, server: Server, account: Account, effort: Effort): Promise<void> {
  await schemathesis(project, server, account, effort, `--exclude-path=${LAST}`);
  await schemathesis(project, server, account, effort, `--include-path=${LAST}`);
}

async function schemathesis(
  project: Project,
  server: Server,
  account: Account,
  effort: Effort,
  paths: string,
): Promise<void> {
  await run(
    requireEnv("PROVE_SCHEMATHESIS"),
    [
      "run",
      `${server.url}/openapi.json`,
      paths,
      `--checks=${CHECKS.join(",")}`,
      `--phases=${effort === "brief" ? "examples,fuzzing" : "examples,coverage,fuzzing"}`,
      `--max-examples=${effort === "full" ? 15 : 3}`,
      "--seed=1",
      "--workers=1",
      "--generation-database=none",
      "--suppress-health-check=all",
      "--request-timeout=10",
      "--max-failures=5",
      "--warnings=off",
      "--no-color",
      `--header=Authorization: Bearer ${account.token}`,
    ],
    {
      cwd: join(WORK, "log"),
      log: project.log("fuzz"),
      limit: LIMIT,
      env: { SCHEMATHESIS_HOOKS: "" },
    },
  );
}
