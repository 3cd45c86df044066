// A program changes while its database lives on: rows of the version before are there afterwards, in their new form.

import { join } from "node:path";

import { Client } from "../client.ts";
import { ROOT, Server, type Project } from "../project.ts";
import { holds, same } from "../tools.ts";
import * as shop from "./shop.ts";

const BEFORE = join(ROOT, "tests/backend/programs/shop-before.bone");
const NOW = join(ROOT, "bonescript/examples/shop.bone");

export async function migration(project: Project): Promise<void> {
  project.removeAllButPackages();
  await project.compile(BEFORE);
  const first = project.migrations();
  const env = await project.environment("migration");
  await project.npm("migrate-before", ["run", "--silent", "migrate"], env);
  let server = await Server.start(project, env, "before");
  let plant: string;
  let seller: shop.Market["seller"];
  try {
    const market = await shop.open(server);
    seller = market.seller;
    const made = await market.anyone
      .as(seller)
      .expect(201, "POST", "/plants", { name: "Old fern", price: 5, stock: 7, tags: ["kept"] });
    plant = made.id;
    same("how the old server ends", (await server.stop()).code, 0);
  } finally {
    server.kill();
  }

  await project.compile(NOW);
  const second = project.migrations();
  holds(`the old migration stays as it was, and one comes after it: ${[...second.keys()].join(", ")}`, second.size === first.size + 1);
  for (const [name, text] of first) {
    same(`${name} stays as it was`, second.get(name), text);
  }
  await project.compile(NOW);
  same("compiling again makes no migration", [...project.migrations().keys()], [...second.keys()]);

  await project.npm("migrate-now", ["run", "--silent", "migrate"], env);
  await project.npm("migrate-again", ["run", "--silent", "migrate"], env);
  server = await Server.start(project, env, "after");
  try {
    const row = await new Client(server.url).as(seller).expect(200, "GET", `/plants/${plant}`);
    same(
      "a row of the version before",
      [row.title, row.category, row.price, row.stock, row.tags],
      ["Old fern", "other", 5, 7, ["kept"]],
    );
    same("how the new server ends", (await server.stop()).code, 0);
  } finally {
    server.kill();
  }
}
