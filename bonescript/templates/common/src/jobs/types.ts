/** Work that is done at times that repeat. */
import type { Context } from "../context.ts";

export interface Schedule {
  /** Unique; also how several processes agree on who runs it. */
  readonly name: string;
  /** Minute, hour, day of the month, month, day of the week, in UTC: `0 3 * * *` is each night at three. */
  readonly cron: string;
  /** Is run once for each time, in one process. What was due while none ran is left out. */
  readonly run: (context: Context, signal: AbortSignal) => Promise<void>;
}
