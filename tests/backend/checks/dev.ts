// The README's second command: `npm run dev` in a folder that has nothing but what was compiled and installed.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";

import type { Project } from "../project.ts";
import { Failure, freePort, until } from "../tools.ts";

export async function dev(project: Project): Promise<void> {
  const port = await freePort();
  const env = { ...process.env, ...(await project.environment("dev")), PORT: String(port) };
  const log = createWriteStream(project.log("dev"));
  // A group of its own, since npm starts a shell, which starts a watcher, which starts the server.
  const child = spawn("npm", ["run", "dev"], { cwd: project.folder, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  let ended = false;
  child.once("exit", () => {
    ended = true;
  });
  try {
    await until("`npm run dev` is ready", 60_000, async () => {
      if (ended) throw new Failure(`\`npm run dev\` has ended; see ${project.log("dev")}`);
      return fetch(`http://127.0.0.1:${port}/health/ready`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
  } finally {
    if (child.pid !== undefined && !ended) process.kill(-child.pid, "SIGTERM");
  }
}
