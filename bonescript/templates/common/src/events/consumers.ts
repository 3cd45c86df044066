/** Who is told of an event: the handler in `handlers.ts`, and the webhooks of `EVENT_WEBHOOKS`. */
import type { Context } from "../context.ts";
import { postSigned } from "../notify/http.ts";
import type { Consumer } from "./deliver.ts";
import type { EventName } from "./events.ts";
import { callHandler, hasHandler } from "./handle.ts";

export function consumersOf(context: Context, event: EventName): Consumer[] {
  const consumers: Consumer[] = [];
  if (hasHandler(event)) {
    consumers.push({
      name: "handler",
      outside: false,
      consume: (claimed, db, signal) => callHandler(context, event, claimed, db, signal),
    });
  }
  for (const webhook of context.config.webhooks) {
    if (webhook.events.length > 0 && !webhook.events.includes(event)) continue;
    consumers.push({
      name: `webhook ${webhook.url}`,
      outside: true,
      consume: async (claimed, _, signal) => {
        // The payload is JSON already; parsing it here would only lose something.
        const body = `{"id":${JSON.stringify(claimed.id)},"event":${JSON.stringify(event)},"created_at":${JSON.stringify(claimed.created_at)},"payload":${claimed.payload}}`;
        await postSigned(webhook.url, body, {
          secret: webhook.secret,
          allowPrivate: context.config.notify.allowPrivate,
          headers: { "x-event-id": claimed.id, "x-event-name": event },
          signal,
        });
      },
    });
  }
  return consumers;
}
