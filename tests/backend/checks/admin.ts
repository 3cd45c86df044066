// The admin panel in a real browser: log in, make a row, change it, run a capability on it, remove it.

import { join } from "node:path";

import { chromium } from "playwright-core";

import { Client, type Account } from "../client.ts";
import { WORK, type Server } from "../project.ts";
import { holds, same } from "../tools.ts";

const BROWSER = "/usr/bin/chromium";

export interface Login {
  readonly email: string;
  readonly password: string;
}

export async function admin(server: Server, seller: Account, login: Login): Promise<void> {
  const browser = await chromium.launch({
    executablePath: BROWSER,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
  });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${server.url}/admin/`);
    await page.fill('input[name="email"]', login.email);
    await page.fill('input[name="password"]', login.password);
    await page.keyboard.press("Enter");
    await page.click('nav button:has-text("Plant")');

    await page.click('button:has-text("New")');
    for (const [field, value] of Object.entries({ title: "Fern", price: "500", stock: "3", tags: '["green"]', seller_id: seller.id })) {
      await page.fill(`#field-${field}`, value);
    }
    await page.click('dialog button[type="submit"]');
    await page.click('tr:has-text("Fern") button:has-text("Open")');
    await page.waitForSelector("dialog[open] pre");
    const row = JSON.parse((await page.textContent("dialog pre")) ?? "{}") as { id: string };
    const client = new Client(server.url).as(seller);
    same("a row that was made in the panel", (await client.expect(200, "GET", `/plants/${row.id}`)).tags, ["green"]);

    await page.click('dialog button:has-text("Edit")');
    await page.fill("#field-title", "Fern of the woods");
    await page.click('dialog button[type="submit"]');
    await page.waitForSelector('td:has-text("Fern of the woods")');

    await page.click('.bar button:has-text("list plant")');
    await page.fill("#field-plant_id", row.id);
    await page.click('dialog button[type="submit"]');
    await page.waitForSelector('#dialog-title:has-text("Done")');
    await page.screenshot({ path: join(WORK, "admin.png") });
    await page.click('dialog button:has-text("Close")');
    same("what the capability did", (await client.expect(200, "GET", `/plants/${row.id}`)).state, "listed");

    await page.click('tr:has-text("Fern of the woods") button:has-text("Open")');
    await page.click('dialog button:has-text("Delete")');
    await page.click('dialog button:has-text("Delete it")');
    await page.waitForFunction(() => !document.body.textContent.includes("Fern of the woods"));
    same("a row that was removed", (await client.send("GET", `/plants/${row.id}`)).status, 404);
    await page.click('button:has-text("Log out")');
    await page.waitForSelector('input[name="password"]');
    holds(`the page has no errors of its own: ${errors.join("; ")}`, errors.length === 0);
  } finally {
    await browser.close();
  }
}
