/** The start and the end of the process. */
import { createApp } from "./app.ts";
import { ConfigError, loadConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { openDatabase } from "./database/client.ts";
import { checkExtensions, extensions } from "./extensions/index.ts";
import { createLive, startLive } from "./live.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import { UnwrittenError } from "./extensions/unwritten.ts";

/** Requests that are not done after this are cut off; an orchestrator kills a process that needs longer to end. */
const DRAIN_MS = 1500;

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  checkExtensions();
  const log = createLogger(config);
  const metrics = createMetrics();
  const db = openDatabase(config);
  const clock = (): Date => new Date();
  const base = { config, db, log, clock, metrics };
  const context: Context = { ...base, ...createLive(base), extensions };

  const app = await createApp(context);
  await app.listen({ host: config.host, port: config.port });
  const workers = startLive(context);

  let ending = false;
  const end = async (reason: string, status: number): Promise<void> => {
    if (ending) return;
    ending = true;
    log.info({ reason }, "ending");
    const cut = setTimeout(() => {
      app.server.closeAllConnections();
    }, DRAIN_MS);
    try {
      await Promise.all([workers.stop(), app.close()]);
      await db.destroy();
    } catch (error) {
      log.error({ err: error }, "could not end in order");
    }
    clearTimeout(cut);
    log.flush();
    process.exit(status);
  };

  process.once("SIGTERM", () => void end("SIGTERM", 0));
  process.once("SIGINT", () => void end("SIGINT", 0));
  // What nobody has caught may have left anything behind: the process ends, and whoever watches it starts a new one.
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "uncaught exception");
    void end("uncaught exception", 1);
  });
}

try {
  await main();
} catch (error) {
  const known = error instanceof ConfigError || error instanceof UnwrittenError;
  console.error(known ? error.message : error);
  process.exit(1);
}
