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

/** Requests that are not done after this are cut off. */
const DRAIN_MS = 1000;

/** After this the process ends, whatever still hangs: an orchestrator would kill it anyway, and less gently. */
const END_MS = 1800;

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  checkExtensions();
  const log = createLogger(config);

  /** What has been started, in the order in which it ends. */
  const parts: (() => Promise<unknown>)[] = [];
  let ending = false;
  const end = async (reason: string, status: number): Promise<void> => {
    if (ending) return;
    ending = true;
    log.info({ reason }, "ending");
    setTimeout(() => process.exit(status), END_MS).unref();
    try {
      for (const stop of parts) await stop();
    } catch (error) {
      log.error({ err: error }, "could not end in order");
    }
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

  const metrics = createMetrics();
  const db = openDatabase(config);
  parts.push(() => db.destroy());
  const clock = (): Date => new Date();
  const base = { config, db, log, clock, metrics };
  const context: Context = { ...base, ...createLive(base), extensions };

  const app = await createApp(context);
  await app.listen({ host: config.host, port: config.port });
  const workers = startLive(context);
  parts.unshift(async () => {
    const cut = setTimeout(() => {
      app.server.closeAllConnections();
    }, DRAIN_MS);
    await Promise.all([workers.stop(), app.close()]);
    clearTimeout(cut);
  });
}

try {
  await main();
} catch (error) {
  const known = error instanceof ConfigError || error instanceof UnwrittenError;
  console.error(known ? error.message : error);
  process.exit(1);
}
