/** The admin panel at `/admin/`, and the description of the API at `/openapi.json`. */
import { readFile } from "node:fs/promises";

import type { App } from "./app.ts";
import type { Context } from "./context.ts";
import { notFound } from "./errors.ts";

/** Nothing but the files beside this, and requests to this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The files of the panel, with their types. */
const FILES: Readonly<Record<string, string>> = {
  "index.html": "text/html; charset=utf-8",
  "admin.js": "text/javascript; charset=utf-8",
  "admin.css": "text/css; charset=utf-8",
};

export function register(app: App, context: Context): void {
  const read = async (path: string): Promise<Buffer> => {
    try {
      return await readFile(new URL(`../${path}`, import.meta.url));
    } catch (error) {
      context.log.error({ err: error }, `\`${path}\` cannot be read`);
      throw notFound("file");
    }
  };

  app.get("/openapi.json", async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(await read("openapi.json")),
  );

  app.get("/admin", (_request, reply) => reply.redirect("/admin/"));

  for (const [path, name] of [
    ["", "index.html"],
    ...Object.keys(FILES).map((name) => [name, name]),
  ]) {
    app.get(`/admin/${path ?? ""}`, async (_request, reply) =>
      reply
        .header("content-security-policy", POLICY)
        .header("cache-control", "no-cache")
        .type(FILES[name ?? ""] ?? "application/octet-stream")
        .send(await read(`admin/${name ?? ""}`)),
    );
  }
}
