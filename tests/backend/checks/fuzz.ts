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

export async function fuzz(project: Project, server: Server, account: Account, seconds: number): Promise<void> {
  await run(
    requireEnv("PROVE_SCHEMATHESIS"),
    [
      "run",
      `${server.url}/openapi.json`,
      `--checks=${CHECKS.join(",")}`,
      "--phases=examples,coverage,fuzzing",
      "--max-examples=15",
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
      limit: seconds * 1000,
      env: { SCHEMATHESIS_HOOKS: "" },
    },
  );
}
