/**
 * Tables that the program itself needs. Times are RFC 3339 with milliseconds and `Z`; JSON is text. None ends in `s`, as
 * those of entities and stores do: so none is called like one of them.
 */
import type { Generated } from "kysely";

export interface RuntimeTables {
  outbox: OutboxTable;
  event_delivery: EventDeliveryTable;
  job_queue: JobQueueTable;
  flow_run: FlowRunTable;
  channel_message: ChannelMessageTable;
  idempotency_key: IdempotencyKeyTable;
  audit_log: AuditLogTable;
  credential: CredentialTable;
  role_grant: RoleGrantTable;
  token_revocation: TokenRevocationTable;
}

/** Events that were told, in the transaction that they tell of. */
export interface OutboxTable {
  id: string;
  event: string;
  payload: string;
  created_at: Generated<string>;
  available_at: string;
  expires_at: string | null;
  locked_until: string | null;
  attempts: Generated<number>;
  status: "pending" | "done" | "dead" | "expired";
  last_error: string | null;
  finished_at: string | null;
}

/** Who has had which event; outlives the event, so that none arrives twice. */
export interface EventDeliveryTable {
  event_id: string;
  consumer: string;
  delivered_at: string;
}

/** Work that is done later. */
export interface JobQueueTable {
  id: string;
  capability: string;
  input: string;
  caller: string;
  status: "pending" | "running" | "done" | "failed";
  attempts: Generated<number>;
  available_at: string;
  locked_until: string | null;
  result: string | null;
  error: string | null;
  created_at: Generated<string>;
  finished_at: string | null;
  idempotency_key: string | null;
}

/** Flows and how far each has come. */
export interface FlowRunTable {
  id: string;
  flow: string;
  input: string;
  caller: string;
  state: string;
  status: "running" | "compensating" | "done" | "failed" | "stuck";
  step: Generated<number>;
  attempts: Generated<number>;
  available_at: string;
  locked_until: string | null;
  error: string | null;
  created_at: Generated<string>;
  finished_at: string | null;
  idempotency_key: string | null;
}

/** Messages of channels, in their order. */
export interface ChannelMessageTable {
  id: Generated<bigint>;
  channel: string;
  type: string;
  sender: string | null;
  payload: string;
  created_at: Generated<string>;
}

/** Answers that are given again for the same key. */
export interface IdempotencyKeyTable {
  scope: string;
  key: string;
  request_hash: string;
  status: number | null;
  response: string | null;
  created_at: Generated<string>;
}

/** Who did what. */
export interface AuditLogTable {
  id: string;
  at: Generated<string>;
  actor_id: string | null;
  actor_entity: string | null;
  action: string;
  target: string | null;
  target_id: string | null;
  outcome: string;
  status: number;
  request_id: string | null;
  details: string;
}

/** Keys of callers that are no passwords. */
export interface CredentialTable {
  entity: string;
  subject_id: string;
  kind: string;
  secret_hash: string;
  hint: string;
  created_at: Generated<string>;
  last_used_at: string | null;
}

/** Roles of callers. */
export interface RoleGrantTable {
  entity: string;
  subject_id: string;
  role: string;
  granted_at: Generated<string>;
}

/** Tokens that were given up before their end. */
export interface TokenRevocationTable {
  token_id: string;
  ends_at: string;
}
