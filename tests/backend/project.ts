// One emitted project: from a program to a folder, and to a server that answers.

import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Cluster } from "./cluster.ts";
import { Failure, freePort, requireEnv, run, until } from "./tools.ts";

export const ROOT = resolve(import.meta.dirname, "../..");
export const WORK = join(ROOT, "target/backend");

export type Target = "postgres" | "sqlite";

/** What functions that the user writes give, by the types that they return. */
const VALUES: readonly (readonly [RegExp, string])[] = [
  [/^void$/, ""],
  [/^boolean$/, "true"],
  [/^number$/, "1"],
  [/^bigint$/, "1n"],
  [/^string$/, '"text"'],
  [/\[\]$/, "[]"],
  [/^\{ ok: string \}/, '{ ok: "done" }'],
  [/^Json$/, "[]"],
];

/** A secret of the right length that is nobody's. */
export const JWT_SECRET = "a-secret-of-the-proof-that-guards-nothing-at-all";

export class Project {
  readonly name: string;
  readonly target: Target;
  readonly folder: string;
  readonly #cluster: Cluster;

  constructor(name: string, target: Target, cluster: Cluster) {
    this.name = name;
    this.target = target;
    this.folder = join(WORK, `${name}-${target}`);
    this.#cluster = cluster;
  }

  log(step: string): string {
    return join(WORK, "log", `${this.name}-${this.target}-${step}.log`);
  }

  async compile(source: string, ...flags: string[]): Promise<void> {
    await run(
      requireEnv("PROVE_SMALLCODE"),
      ["bone", "compile", source, "--target", this.target, "--out", this.folder, ...flags],
      { cwd: ROOT, log: this.log("compile"), limit: 60_000 },
    );
  }

  /** Writes the functions that the program leaves to its user, without which some of its routes answer 501. */
  extend(): void {
    const folder = join(this.folder, "src/extensions");
    if (!existsSync(folder)) return;
    const types = readFileSync(join(folder, "types.ts"), "utf8");
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const text = readFileSync(path, "utf8");
      const type = /: (\w+) = unwritten\("\w+"\)/.exec(text)?.[1];
      if (type === undefined) continue;
      const returns = new RegExp(`export type ${type} = [^;]*?=> Promise<([^;]*)>;`).exec(types)?.[1] ?? "";
      const value = VALUES.find(([pattern]) => pattern.test(returns))?.[1];
      if (value === undefined) throw new Failure(`no value is known of the type \`${returns}\` of ${name}`);
      const written = text
        .replace(/unwritten\("\w+"\)/, `() => Promise.resolve(${value})`)
        .replace('import { unwritten } from "./unwritten.ts";\n', "");
      writeFileSync(path, written);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Takes away what was compiled before, and leaves the packages. */
  removeAllButPackages(): void {
    for (const name of readdirSync(this.folder)) {
      if (name !== "node_modules") {
        rmSync(join(this.folder, name), { recursive: true, force: true });
      }
    }
  }

  /**
   * Installs what the lock names. All projects of a target have the same lock but for their name, so that the first
   * one's packages serve the others; that they are the same is looked at, not believed.
   */
  async install(first: Project | undefined): Promise<void> {
    if (first === undefined) {
      await this.npm("install", ["ci", "--no-fund", "--no-audit"]);
      return;
    }
    const packages = (project: Project): string => {
      const lock = JSON.parse(readFileSync(join(project.folder, "package-lock.json"), "utf8")) as Lock;
      delete lock.name;
      delete lock.packages[""]?.name;
      return JSON.stringify(lock);
    };
    if (packages(first) !== packages(this)) {
      throw new Failure("its package-lock.json names other packages than that of the program before it");
    }
    const link = join(this.folder, "node_modules");
    if (!existsSync(link)) {
      symlinkSync(join(first.folder, "node_modules"), link);
    }
  }

  /** Asks whether a package is known to be unsafe; says so where the registry, as most mirrors, can't be asked. */
  async audit(): Promise<void> {
    try {
      await this.npm("audit", ["audit", "--audit-level=high"]);
    } catch (error) {
      if (!(error instanceof Failure && error.message.includes("audit endpoint returned an error"))) throw error;
      console.log("     not asked: this registry answers no audits");
    }
  }

  /** The migrations by name. */
  migrations(): Map<string, string> {
    const folder = join(this.folder, "migrations");
    const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
    return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  }

  async npm(step: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
    await run("npm", args, { cwd: this.folder, log: this.log(step), env });
  }

  /** What the server reads of its environment, with an empty database. */
  async environment(purpose: string): Promise<Record<string, string>> {
    const common = { JWT_SECRET, LOG_LEVEL: "warn", NODE_ENV: "production", HOST: "127.0.0.1", TRUST_PROXY: "loopback" };
    if (this.target === "postgres") {
      return { ...common, DATABASE_URL: await this.#cluster.database(this.#databaseName(purpose)) };
    }
    const folder = join(WORK, "data");
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${this.name}-${purpose}.db`);
    for (const end of ["", "-wal", "-shm"]) {
      rmSync(path + end, { force: true });
    }
    return { ...common, DATABASE_PATH: path };
  }

  /** Cuts the connections of a server to its database, as one that starts anew does; SQLite has none. */
  async cut(purpose: string): Promise<void> {
    if (this.target === "postgres") {
      await this.#cluster.cut(this.#databaseName(purpose));
    }
  }

  #databaseName(purpose: string): string {
    return `${this.name}_${purpose}`.replaceAll("-", "_");
  }

  /** Migrates an empty database, fills it where `seeded` says so, and starts the server. */
  async serve(purpose: string, extra: Record<string, string> = {}, seeded = false): Promise<Server> {
    const env = { ...(await this.environment(purpose)), ...extra };
    await this.npm(`migrate-${purpose}`, ["run", "--silent", "migrate"], env);
    if (seeded) {
      await this.npm(`seed-${purpose}`, ["run", "--silent", "seed"], env);
    }
    return Server.start(this, env, purpose);
  }
}

interface Lock {
  name?: string;
  packages: Record<string, { name?: string }>;
}

export class Server {
  readonly url: string;
  readonly env: Record<string, string>;
  readonly #child: ChildProcess;
  #ended: number | string | undefined;

  private constructor(url: string, env: Record<string, string>, child: ChildProcess) {
    this.url = url;
    this.env = env;
    this.#child = child;
    child.once("exit", (code, signal) => {
      this.#ended = code ?? signal ?? "nothing";
    });
  }

  static async start(
    project: Project,
    env: Record<string, string>,
    purpose: string,
    program = "src/main.ts",
    folder = project.folder,
  ): Promise<Server> {
    const port = await freePort();
    const log = createWriteStream(project.log(`server-${purpose}`));
    const child = spawn(process.execPath, [program], {
      cwd: folder,
      env: { ...process.env, ...env, PORT: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const server = new Server(`http://127.0.0.1:${port}`, env, child);
    await until("the server is ready", 30_000, async () => {
      if (server.#ended !== undefined) {
        throw new Failure(`the server ended with ${server.#ended}; see ${project.log(`server-${purpose}`)}`);
      }
      return fetch(`${server.url}/health/ready`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
    return server;
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks it to stop, and says how it ended and how long that took. */
  async stop(): Promise<{ code: number | string; milliseconds: number }> {
    const began = performance.now();
    this.#child.kill("SIGTERM");
    await until("the server ends after SIGTERM", 15_000, async () => Promise.resolve(this.#ended !== undefined));
    return { code: this.#ended ?? "nothing", milliseconds: performance.now() - began };
  }

  kill(): void {
    if (this.#ended === undefined) {
      this.#child.kill("SIGKILL");
    }
  }
}
