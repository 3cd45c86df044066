/** `npm run grant -- ENTITY ID ROLE [--revoke]`: gives or takes a role. Tokens have it from the next login on. */
import { ConfigError, loadConfig } from "../config.ts";
import { openDatabase } from "../database/client.ts";
import { entities } from "../entities/index.ts";
import { findRow } from "../entities/rows.ts";
import { uuid } from "../schemas/values.ts";
import { grantRole, revokeRole } from "./secrets.ts";

const USAGE = "usage: npm run grant -- ENTITY ID ROLE [--revoke]";

async function grant(words: readonly string[]): Promise<string> {
  const revoke = words.includes("--revoke");
  const [name, id, role, ...rest] = words.filter((word) => word !== "--revoke");
  if (name === undefined || id === undefined || role === undefined || rest.length > 0)
    throw new Error(USAGE);
  const known = entities.filter((entity) => entity.auth !== null);
  const entity = known.find((one) =>
    [one.name, one.table].some((word) => word.toLowerCase() === name.toLowerCase()),
  );
  if (entity === undefined) {
    throw new Error(
      `\`${name}\` does not log in; those that do: ${known.map((one) => one.name).join(", ")}`,
    );
  }
  if (!/^\w{1,64}$/.test(role))
    throw new Error("a role is a word of at most 64 letters, digits and `_`");
  if (!uuid.safeParse(id).success) throw new Error(`\`${id}\` is no id`);
  const db = openDatabase(loadConfig(process.env));
  try {
    const row = await findRow(db, entity, id.toLowerCase());
    if (row === null) throw new Error(`there is no ${entity.name} ${id}`);
    if (revoke) await revokeRole(db, entity, row.id, role);
    else await grantRole(db, entity, row.id, role, new Date());
    return `${entity.name} ${row.id} ${revoke ? "is no longer" : "is now"} ${role}, from the next login on`;
  } finally {
    await db.destroy();
  }
}

try {
  console.log(await grant(process.argv.slice(2)));
} catch (error) {
  const plain = error instanceof ConfigError || error instanceof Error;
  console.error(plain ? error.message : error);
  process.exitCode = 1;
}
