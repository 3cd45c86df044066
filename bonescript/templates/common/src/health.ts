/** Whether the process lives, and whether it can work: the database answers. */
import { sql } from "kysely";

import type { App } from "./app.ts";
import type { Context } from "./context.ts";
import { Problem } from "./errors.ts";

/** A database that needs longer than this for nothing at all is not ready. */
const PATIENCE_MS = 2000;

export function register(app: App, context: Context): void {
  app.get("/health/live", () => ({ status: "ok" }));

  app.get("/health/ready", async () => {
    const late = AbortSignal.timeout(PATIENCE_MS);
    try {
      await Promise.race([
        sql`select 1`.execute(context.db),
        new Promise<never>((_resolve, reject) => {
          late.addEventListener("abort", () => {
            reject(new Error(`no answer within ${PATIENCE_MS} ms`));
          });
        }),
      ]);
    } catch (error) {
      context.log.warn({ error }, "the database does not answer");
      throw new Problem("UNAVAILABLE", "the database does not answer");
    }
    return { status: "ok" };
  });
}
