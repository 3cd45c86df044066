/** The messages of channels in the database. */
import type { Database } from "../database/client.ts";
import { parseJson } from "../json.ts";
import { later } from "../worker.ts";
import type { ChannelDefinition, KeptMessage } from "./types.ts";

/** Messages younger than this are there for whoever lost a connection, and for other processes. */
const RECENT_MS = 60_000;

interface MessageRow {
  readonly id: bigint;
  readonly type: string;
  readonly sender: string | null;
  readonly payload: string;
  readonly created_at: string;
}

function kept(row: MessageRow): KeptMessage {
  return {
    id: row.id,
    type: row.type,
    sender: row.sender,
    payload: parseJson(row.payload),
    at: row.created_at,
  };
}

/** Those behind `after`, the oldest first. */
export async function messagesAfter(
  db: Database,
  channel: string,
  after: bigint,
  limit: number,
): Promise<KeptMessage[]> {
  const rows = await db
    .selectFrom("channel_message")
    .select(["id", "type", "sender", "payload", "created_at"])
    .where("channel", "=", channel)
    .where("id", ">", after)
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(kept);
}

/** The last ones that the channel keeps, the oldest first. */
export async function lastMessages(
  db: Database,
  channel: string,
  definition: ChannelDefinition,
  limit: number,
): Promise<KeptMessage[]> {
  const most = definition.keep === null ? limit : Math.min(limit, definition.keep);
  if (most === 0) return [];
  const rows = await db
    .selectFrom("channel_message")
    .select(["id", "type", "sender", "payload", "created_at"])
    .where("channel", "=", channel)
    .orderBy("id", "desc")
    .limit(most)
    .execute();
  return rows.reverse().map(kept);
}

export async function newestId(db: Database, channel: string): Promise<bigint> {
  const row = await db
    .selectFrom("channel_message")
    .select("id")
    .where("channel", "=", channel)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? 0n;
}

/** Removes what the channel doesn't keep. */
export async function trim(
  db: Database,
  channel: string,
  definition: ChannelDefinition,
  now: Date,
): Promise<void> {
  if (definition.keep === null) return;
  const newest = await db
    .selectFrom("channel_message")
    .select("id")
    .where("channel", "=", channel)
    .orderBy("id", "desc")
    .offset(definition.keep)
    .limit(1)
    .executeTakeFirst();
  if (newest === undefined) return;
  await db
    .deleteFrom("channel_message")
    .where("channel", "=", channel)
    .where("id", "<=", newest.id)
    .where("created_at", "<", later(now, -RECENT_MS))
    .execute();
}
