/** Callers as they are kept with work that is done later. */
import { z } from "zod";

import type { Caller } from "./context.ts";
import { parseJson, stringifyJson } from "./json.ts";

const schema = z.object({
  id: z.string(),
  entity: z.string(),
  roles: z.array(z.string()),
  role: z.string().nullable(),
});

export function writeCaller({ id, entity, roles, role }: Caller): string {
  return stringifyJson({ id, entity, roles, role });
}

export function readCaller(text: string): Caller {
  return schema.parse(parseJson(text));
}
