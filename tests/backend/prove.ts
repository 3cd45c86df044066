// Proves what the compiler emits, with the real things: npm, tsc, eslint, prettier, PostgreSQL, SQLite, a browser.
//
//     tests/backend/run [--program NAME]… [--target postgres|sqlite] [--keep-going]
//
// For each program and target: compile, install, type-check, lint, layout, the project's own tests, a server that is
// started, described, attacked and stopped. The shop is looked at more closely, since its meaning is known here.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { signUp } from "./account.ts";
import { admin } from "./checks/admin.ts";
import { fuzz } from "./checks/fuzz.ts";
import { migration } from "./checks/migration.ts";
import { resilience } from "./checks/resilience.ts";
import * as shop from "./checks/shop.ts";
import { speed } from "./checks/speed.ts";
import { stop } from "./checks/stop.ts";
import { Client } from "./client.ts";
import { Cluster } from "./cluster.ts";
import { Project, ROOT, WORK, type Target } from "./project.ts";
import { Failure } from "./tools.ts";

const EXAMPLES = join(ROOT, "bonescript/examples");
const TARGETS: readonly Target[] = ["sqlite", "postgres"];
/** The functions that programs want written before their servers start. */
const EXTENSIONS: Readonly<Record<string, Record<string, string>>> = {
  erp: { explode_parts: "() => Promise.resolve([])" },
  saas: { send_invitation: "() => Promise.resolve(true)" },
};
/** How long schemathesis may take for one project. */
const FUZZ_SECONDS = 180;

interface Line {
  readonly project: string;
  readonly step: string;
  readonly seconds: number;
  readonly failure?: string;
}

const lines: Line[] = [];
/** The project of each target whose packages the others use. */
const firsts = new Map<Target, Project>();

/** Does a step and keeps how it went; says whether the next ones make sense. */
async function step(project: Project, name: string, work: () => Promise<unknown>): Promise<boolean> {
  const began = performance.now();
  const where = `${project.name} on ${project.target}`;
  let failure: string | undefined;
  try {
    await work();
  } catch (error) {
    failure = error instanceof Failure ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const seconds = (performance.now() - began) / 1000;
  lines.push({ project: where, step: name, seconds, ...(failure === undefined ? {} : { failure }) });
  console.log(`${failure === undefined ? "ok  " : "FAIL"} ${where}: ${name} (${seconds.toFixed(1)} s)`);
  if (failure !== undefined) {
    console.log(failure.replaceAll(/^/gm, "     "));
  }
  return failure === undefined;
}

/** `written`: whether lint and layout are looked at too. */
async function prove(project: Project, first: Project | undefined, written: boolean): Promise<boolean> {
  project.remove();
  const source = join(EXAMPLES, `${project.name}.bone`);
  if (!(await step(project, "compile", async () => project.compile(source)))) {
    return false;
  }
  project.extend(EXTENSIONS[project.name] ?? {});
  if (!(await step(project, "install", async () => project.install(first)))) {
    return false;
  }
  const scripts = written ? ["typecheck", "lint", "format:check"] : ["typecheck"];
  for (const script of scripts) {
    await step(project, script, async () => project.npm(script.replace(":", "-"), ["run", "--silent", script]));
  }
  await step(project, "its own tests", async () => project.npm("test", ["test"], await project.environment("tests")));
  await step(project, "a server that is attacked", async () => attacked(project));
  return true;
}

async function attacked(project: Project): Promise<void> {
  const server = await project.serve("fuzz", {}, true);
  try {
    await fuzz(project, server, await signUp(server.url), FUZZ_SECONDS);
    await resilience(server, await signUp(server.url), firstTable(project));
    await stop(server);
  } finally {
    server.kill();
  }
}

/** The table of some entity: what the description lists first. */
function firstTable(project: Project): string {
  const description = JSON.parse(readFileSync(join(project.folder, "openapi.json"), "utf8")) as {
    paths: Record<string, object>;
  };
  const table = Object.keys(description.paths)
    .map((path) => /^\/([a-z_0-9]+)\/\{id\}$/.exec(path)?.[1])
    .find((name) => name !== undefined);
  if (table === undefined) {
    throw new Failure("the description has no table");
  }
  return table;
}

async function proveShop(project: Project): Promise<void> {
  await step(project, "the promises of a shop", async () => {
    const server = await project.serve("shop");
    try {
      const market = await shop.open(server);
      for (const check of [shop.race, shop.idempotency, shop.authorization, shop.integers, shop.constraints]) {
        await check(market);
      }
      await stop(server);
    } finally {
      server.kill();
    }
  });
  await step(project, "the admin panel in a browser", async () => {
    const server = await project.serve("admin");
    try {
      const login = { email: "ada@example.org", password: "correct horse battery staple" };
      const seller = await new Client(server.url).expect(201, "POST", "/sellers", { name: "Ada", ...login });
      const session = await new Client(server.url).expect(200, "POST", "/auth/sellers/login", login);
      await admin(server, { id: seller.id, token: session.token }, login);
    } finally {
      server.kill();
    }
  });
  await step(project, "a database of the version before", async () => migration(project));
}

/** Every program on one target. */
async function proveAll(programs: readonly string[], target: Target, cluster: Cluster): Promise<void> {
  for (const [index, name] of programs.entries()) {
    const project = new Project(name, target, cluster);
    // What differs between the targets is the same for all programs: how a program is written is looked at on one of
    // them, in turns.
    const written = programs.length === 1 || index % TARGETS.length === TARGETS.indexOf(target);
    if ((await prove(project, firsts.get(target), written)) && !firsts.has(target)) {
      firsts.set(target, project);
    }
    if (name === "shop") {
      await proveShop(project);
    }
  }
}

/** How fast the generated routes are, told and not judged; with nothing beside it. */
async function proveSpeed(target: Target, cluster: Cluster): Promise<void> {
  const project = new Project("speed", target, cluster);
  await step(project, "requests per second", async () => {
    project.remove();
    await project.compile(join(ROOT, "tests/backend/programs/speed.bone"));
    await project.install(firsts.get(target));
    console.log(`     ${await speed(project)}`);
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { program: { type: "string", multiple: true }, target: { type: "string" } },
  });
  const programs =
    values.program ??
    readdirSync(EXAMPLES)
      .filter((name) => name.endsWith(".bone"))
      .map((name) => name.slice(0, -".bone".length));
  rmSync(join(WORK, "log"), { recursive: true, force: true });
  const cluster = await Cluster.start(join(WORK, "postgres"));
  try {
    const targets = TARGETS.filter((target) => values.target === undefined || values.target === target);
    // Side by side: most of a step is one process that waits for itself.
    await Promise.all(targets.map(async (target) => proveAll(programs, target, cluster)));
    for (const target of targets) {
      await proveSpeed(target, cluster);
    }
  } finally {
    await cluster.stop();
  }
  const failed = lines.filter((line) => line.failure !== undefined);
  for (const line of failed) {
    console.log(`failed: ${line.project}: ${line.step}`);
  }
  console.log(`${lines.length - failed.length} passed, ${failed.length} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
