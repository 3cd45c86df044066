/** Functions that conditions of tables use where SQLite has none of its own. Each gives the same for the same. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { parseJson } from "../json.ts";

/** Makes them known to a connection; each that writes to the tables needs them. */
export function addFunctions(database: DatabaseSync): void {
  const options = { deterministic: true, useBigIntArguments: true } as const;
  database.function("bone_size", options, (json: SQLOutputValue) => {
    if (typeof json !== "string") return null;
    const value: unknown = parseJson(json);
    if (Array.isArray(value)) return BigInt(value.length);
    if (typeof value === "object" && value !== null) return BigInt(Object.keys(value).length);
    return typeof value === "string" ? BigInt([...value].length) : null;
  });
  database.function("bone_has", options, (json: SQLOutputValue, element: SQLOutputValue) => {
    if (typeof json !== "string" || typeof element !== "string") return null;
    const value: unknown = parseJson(json);
    const wanted = canonical(parseJson(element));
    if (Array.isArray(value)) return value.some((item) => canonical(item) === wanted) ? 1n : 0n;
    return canonical(value) === wanted ? 1n : 0n;
  });
  database.function("bone_has_key", options, (json: SQLOutputValue, key: SQLOutputValue) => {
    if (typeof json !== "string" || key === null) return null;
    const value: unknown = parseJson(json);
    return typeof value === "object" && value !== null && Object.hasOwn(value, String(key))
      ? 1n
      : 0n;
  });
  database.function("bone_json", options, (json: SQLOutputValue) =>
    typeof json === "string" ? canonical(parseJson(json)) : null,
  );
  database.function("bone_text", options, (value: SQLOutputValue) =>
    value === null || value instanceof Uint8Array ? null : String(value),
  );
}

/** The same text for equal values, whatever the order of their keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
  }
  return typeof value === "bigint" ? value.toString() : JSON.stringify(value);
}
