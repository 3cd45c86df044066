// Proves what the compiler emits, with the real things: npm, tsc, eslint, prettier, PostgreSQL, SQLite, a browser.
//
//     tests/backend/run [--program NAME]… [--target postgres|sqlite] [--step NAME]… [--turns]
//
// For each program and target: compile, install, type-check, lint, layout, the project's own tests, a server that is
// started, described, attacked and stopped. The shop is looked at more closely, since its meaning is known here.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { logIn } from "./account.ts";
import { admin } from "./checks/admin.ts";
import { batch } from "./checks/batch.ts";
import { dev } from "./checks/dev.ts";
import { evolution } from "./checks/evolution.ts";
import { fuzz, type Effort } from "./checks/fuzz.ts";
import { described, image } from "./checks/image.ts";
import { migration } from "./checks/migration.ts";
import { oidc } from "./checks/oidc.ts";
import { outage, resilience } from "./checks/resilience.ts";
import * as shop from "./checks/shop.ts";
import { speed } from "./checks/speed.ts";
import { stop } from "./checks/stop.ts";
import { Client } from "./client.ts";
import { Cluster } from "./cluster.ts";
import { Project, ROOT, WORK, type Target } from "./project.ts";
import { Failure } from "./tools.ts";

const EXAMPLES = join(ROOT, "bonescript/examples");
const STYLE = join(ROOT, "bonescript/testdata/style");
const TARGETS: readonly Target[] = ["sqlite", "postgres"];
/** A description with more operations than this has its edges looked at in other programs: they take minutes. */
const MANY_OPERATIONS = 100;

interface Line {
  readonly project: string;
  readonly step: string;
  readonly seconds: number;
  readonly failure?: string;
}

const lines: Line[] = [];
/** The project of each target whose packages the others use. */
const firsts = new Map<Target, Project>();

/** The steps that were asked for; all where none were. */
let wanted: readonly string[] | undefined;

/** Does a step and keeps how it went; says whether the next ones make sense. */
async function step(project: Project, name: string, work: () => Promise<unknown>): Promise<boolean> {
  if (wanted !== undefined && !wanted.includes(name) && !["compile", "install"].includes(name)) {
    return true;
  }
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
    console.log(indented(failure));
  }
  return failure === undefined;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "     ");
}

/**
 * `first`: the project whose packages it uses. What differs between the targets is little, and the same for all programs:
 * how the shop is written and changes is looked at on both, what the others are like in turns. `odd`: whose turn it is.
 */
async function prove(project: Project, first: Project | undefined, odd: boolean | undefined): Promise<boolean> {
  project.remove();
  const [written, changes] = odd === undefined ? [true, true] : [odd, !odd];
  const source = join(EXAMPLES, `${project.name}.bone`);
  if (!(await step(project, "compile", async () => project.compile(source)))) {
    return false;
  }
  project.extend();
  if (!(await step(project, "install", async () => project.install(first)))) {
    return false;
  }
  if (first === undefined) {
    await step(project, "audit", async () => project.audit());
  }
  const scripts = written ? ["typecheck", "lint", "format:check"] : ["typecheck"];
  for (const script of scripts) {
    await step(project, script, async () => project.npm(script.replace(":", "-"), ["run", "--silent", script]));
  }
  await step(project, "tests", async () => project.npm("test", ["test"], await project.environment("tests")));
  await step(project, "attack", async () => attacked(project, effort(project, written)));
  if (changes) {
    await step(project, "evolution", async () => evolution(project, source));
  }
  return true;
}

function effort(project: Project, written: boolean): Effort {
  if (project.name === "shop") {
    return "full";
  }
  return written && operations(project) <= MANY_OPERATIONS ? "middle" : "brief";
}

async function attacked(project: Project, thoroughly: Effort): Promise<void> {
  const server = await project.serve("fuzz", {}, true);
  try {
    await fuzz(project, server, await logIn(server.url), thoroughly);
    const account = await logIn(server.url);
    await resilience(server, account, firstTable(project));
    await outage(server, account, firstTable(project), async () => project.cut("fuzz"));
    await stop(server);
  } finally {
    server.kill();
  }
}

function paths(project: Project): Record<string, object> {
  const text = readFileSync(join(project.folder, "openapi.json"), "utf8");
  return (JSON.parse(text) as { paths: Record<string, object> }).paths;
}

function operations(project: Project): number {
  return Object.values(paths(project)).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
}

/** The table of some entity: what the description lists first. */
function firstTable(project: Project): string {
  const table = Object.keys(paths(project))
    .map((path) => /^\/([a-z_0-9]+)\/\{id\}$/.exec(path)?.[1])
    .find((name) => name !== undefined);
  if (table === undefined) {
    throw new Failure("the description has no table");
  }
  return table;
}

async function proveShop(project: Project): Promise<void> {
  await step(project, "dev", async () => dev(project));
  await step(project, "promises", async () => {
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
  await step(project, "admin", async () => {
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
  await step(project, "migration", async () => migration(project));
  await step(project, "image", async () => image(project));
  await step(project, "schemas", async () => described(project));
}

/** Every program on one target; with `turns`, of those that are proven on one target alone, its own. */
async function proveAll(programs: readonly string[], target: Target, cluster: Cluster, turns: boolean): Promise<void> {
  for (const [index, name] of programs.entries()) {
    const both = name === "shop" || programs.length === 1;
    const turn = index % TARGETS.length === TARGETS.indexOf(target);
    if (turns && !both && !turn) {
      continue;
    }
    const project = new Project(name, target, cluster);
    const odd = both || turns ? undefined : turn;
    if ((await prove(project, firsts.get(target), odd)) && !firsts.has(target)) {
      firsts.set(target, project);
    }
    if (name === "shop") {
      await proveShop(project);
    } else if (name === "iot") {
      await step(project, "batch", async () => batch(project));
    } else if (name === "saas") {
      await step(project, "oidc", async () => oidc(project));
    }
  }
}

/** What the public compiler lets pass and still has a meaning becomes a project like any other. Each on one target. */
async function proveStyle(target: Target, cluster: Cluster): Promise<void> {
  // A file with several systems becomes several projects, which are the compiler's own tests' business.
  const single = (file: string): boolean => readFileSync(join(STYLE, file), "utf8").match(/^system /gm)?.length === 1;
  for (const [index, file] of readdirSync(STYLE).filter(single).sort().entries()) {
    if (index % TARGETS.length !== TARGETS.indexOf(target)) continue;
    const project = new Project(`style-${file.replace(/\.bone$/, "")}`, target, cluster);
    project.remove();
    const compiled = await step(project, "compile", async () => project.compile(join(STYLE, file)));
    if (!compiled || !(await step(project, "install", async () => project.install(firsts.get(target))))) continue;
    await step(project, "typecheck", async () => project.npm("typecheck", ["run", "--silent", "typecheck"]));
    await step(project, "tests", async () => project.npm("test", ["test"], await project.environment("tests")));
  }
}

/** How fast the generated routes are, told and not judged; with nothing beside it. */
async function proveSpeed(target: Target, cluster: Cluster): Promise<void> {
  const project = new Project("speed", target, cluster);
  await step(project, "speed", async () => {
    project.remove();
    await project.compile(join(ROOT, "tests/backend/programs/speed.bone"));
    await project.install(firsts.get(target));
    console.log(`     ${await speed(project)}`);
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      program: { type: "string", multiple: true },
      target: { type: "string" },
      step: { type: "string", multiple: true },
      // For less time: all but the shop on one target alone.
      turns: { type: "boolean", default: false },
    },
  });
  wanted = values.step;
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
    await Promise.all(
      targets.map(async (target) => {
        await proveAll(programs, target, cluster, values.turns);
        if (values.program === undefined) {
          await proveStyle(target, cluster);
        }
      }),
    );
    for (const target of wanted === undefined || wanted.includes("speed") ? targets : []) {
      await proveSpeed(target, cluster);
    }
  } finally {
    await cluster.stop();
  }
  const failed = lines.filter((line) => line.failure !== undefined);
  // Once more, since who reads the end of a long log sees nothing else.
  for (const line of failed) {
    console.log(`failed: ${line.project}: ${line.step}\n${indented(line.failure ?? "")}`);
  }
  console.log(`${lines.length - failed.length} passed, ${failed.length} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
