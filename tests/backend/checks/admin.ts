// The admin panel in a real browser: log in, make a row, change it, run a capability on it, remove it.

import { join } from "node:path";

import { chromium, type Page } from "playwright-core";

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
    await legible(page, "login");
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
    await legible(page, "dialog");
    await page.click('dialog button:has-text("Close")');
    await legible(page, "table");
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

/** What a text needs to be read, as WCAG 2.2 has it (1.4.3, level AA). */
const CONTRAST = 4.5;

/** Keeps a picture of the page for people, in light and dark, and measures how its texts stand out from what is behind them. */
async function legible(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(WORK, `admin-${name}-${colorScheme}.png`) });
    const faint = await page.evaluate(faintTexts, CONTRAST);
    same(`texts of the panel that are hard to read in ${colorScheme} (${name})`, faint, []);
  }
}

/** Runs in the page: texts whose contrast is too low, with it. */
function faintTexts(least: number): string[] {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (color: string): number[] => {
    if (canvas === null) return [];
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color: number[]): number => {
    const [red = 0, green = 0, blue = 0] = color
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element: Element | null): number[] => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  // Of what is behind a dialog nothing has to be read.
  const root = document.querySelector("dialog[open]") ?? document.body;
  return [...root.querySelectorAll("*")].flatMap((element) => {
    const said = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim());
    if (!said || !element.checkVisibility() || element.matches(":disabled, noscript, .skip, option")) return [];
    const light = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))].sort((a, b) => b - a);
    const ratio = ((light[0] ?? 0) + 0.05) / ((light[1] ?? 0) + 0.05);
    return ratio < least ? [`${element.tagName} ${element.textContent.slice(0, 40)}: ${ratio.toFixed(2)}`] : [];
  });
}
