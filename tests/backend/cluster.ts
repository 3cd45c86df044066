// A PostgreSQL of our own, for as long as the proof runs.

import { chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";

import { freePort, requireEnv, run } from "./tools.ts";

/** PostgreSQL refuses to run as root; Debian's package makes this user. */
const USER = "postgres";

export class Cluster {
  readonly #bin: string;
  readonly #folder: string;
  readonly #port: number;

  private constructor(bin: string, folder: string, port: number) {
    this.#bin = bin;
    this.#folder = folder;
    this.#port = port;
  }

  static async start(folder: string): Promise<Cluster> {
    const cluster = new Cluster(requireEnv("PROVE_POSTGRES"), folder, await freePort());
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    if (process.getuid?.() === 0) {
      const ids = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, USER], { encoding: "utf8" })));
      chownSync(folder, ids[0] ?? 0, ids[1] ?? 0);
    }
    await cluster.#run("initdb", ["-D", cluster.#data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync"]);
    const options = `-p ${cluster.#port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200`;
    await cluster.#run("pg_ctl", ["-D", cluster.#data, "-o", options, "-l", join(folder, "server.log"), "-w", "start"]);
    return cluster;
  }

  /** Makes an empty database and says where it is. */
  async database(name: string): Promise<string> {
    const server = ["-h", "127.0.0.1", "-p", String(this.#port), "-U", USER];
    await this.#run("dropdb", [...server, "--if-exists", "--force", name]);
    await this.#run("createdb", [...server, name]);
    return `postgres://${USER}@127.0.0.1:${this.#port}/${name}`;
  }

  /** Ends all connections to a database. */
  async cut(name: string): Promise<void> {
    const ending = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`;
    await this.#run("psql", ["-h", "127.0.0.1", "-p", String(this.#port), "-U", USER, "-d", "postgres", "-c", ending]);
  }

  async stop(): Promise<void> {
    if (existsSync(join(this.#data, "postmaster.pid"))) {
      await this.#run("pg_ctl", ["-D", this.#data, "-m", "immediate", "-w", "stop"]);
    }
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    const command = [join(this.#bin, program), ...args];
    const [first = "", ...rest] =
      process.getuid?.() === 0 ? ["runuser", "-u", USER, "--", ...command] : command;
    await run(first, rest, { cwd: this.#folder, log: `${this.#folder}-${program}.log` });
  }
}
