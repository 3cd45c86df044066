// A stop that loses nothing: the request under way is answered, the process ends by itself and soon.

import type { Server } from "../project.ts";
import { holds, same } from "../tools.ts";

/** What the project promises: a stop within two seconds. */
const LIMIT = 2000;

export async function stop(server: Server): Promise<void> {
  const { code, milliseconds } = await server.stop();
  same("how it ends after SIGTERM", code, 0);
  holds(`it ends within ${LIMIT} ms, not ${Math.round(milliseconds)}`, milliseconds <= LIMIT);
}
