// What the image would hold, without Docker: the instructions of the Dockerfile are carried out in folders. What is
// forgotten there is missing here, too: a file that only the sources have, a package that only the build needs.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { Server, WORK, type Project } from "../project.ts";
import { Failure, holds, requireEnv, run, same } from "../tools.ts";
import { stop } from "./stop.ts";

/** Where everything happens in the image. */
const WORKDIR = "/app";

interface Stage {
  readonly folder: string;
  readonly env: Record<string, string>;
  command: string[];
  health: string[];
}

export async function image(project: Project): Promise<void> {
  const stage = await build(project);
  const env = { ...(await project.environment("image")), ...stage.env };
  const migrate = /command: (\[.*\])/.exec(readFileSync(join(project.folder, "compose.yaml"), "utf8"))?.[1];
  if (migrate === undefined) throw new Failure("compose.yaml migrates nothing");
  await execute(project, stage, JSON.parse(migrate) as string[], env, "migrate");
  const program = stage.command.at(-1) ?? "";
  holds(`it starts what was built: ${stage.command.join(" ")}`, stage.command[0] === "node" && program.startsWith("dist/"));
  // On this machine other ports may be taken.
  const { PORT: told, HOST: host, ...rest } = env;
  same("where it listens", [host, told], ["0.0.0.0", "3000"]);
  const server = await Server.start(project, rest, "image", program, stage.folder);
  try {
    same("the panel", (await fetch(`${server.url}/admin/`)).status, 200);
    same("the description", (await fetch(`${server.url}/openapi.json`)).status, 200);
    await execute(project, stage, stage.health, { PORT: new URL(server.url).port }, "health");
    await stop(server);
  } finally {
    server.kill();
  }
}

async function build(project: Project): Promise<Stage> {
  const root = join(WORK, "image", `${project.name}-${project.target}`);
  rmSync(root, { recursive: true, force: true });
  const ignored = new Set(readFileSync(join(project.folder, ".dockerignore"), "utf8").split("\n"));
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const [word, rest] of instructions(join(project.folder, "Dockerfile"))) {
    if (word === "FROM") {
      const name = / AS (\w+)$/.exec(rest)?.[1] ?? `stage-${stages.size}`;
      stage = { folder: join(root, name), env: {}, command: [], health: [] };
      mkdirSync(stage.folder, { recursive: true });
      stages.set(name, stage);
      continue;
    }
    if (stage === undefined) throw new Failure(`${word} stands before FROM`);
    switch (word) {
      case "WORKDIR":
        same("where it works", rest, WORKDIR);
        break;
      case "ENV":
        Object.assign(stage.env, Object.fromEntries(rest.split(" ").map((pair) => pair.split("=", 2))));
        break;
      case "COPY": {
        const [, from, paths] = /^(?:--from=(\w+) )?(.*)$/.exec(rest) ?? [];
        const source = from === undefined ? project.folder : stages.get(from)?.folder;
        if (source === undefined) throw new Failure(`there is no stage ${from}`);
        copy(source, stage.folder, (paths ?? "").replaceAll(`${WORKDIR}/`, "").split(" "), from === undefined ? ignored : new Set());
        break;
      }
      case "RUN":
        // Who owns a file is the business of a system with such users.
        await execute(project, stage, ["sh", "-c", `chown() { :; }; ${rest}`], stage.env, "image");
        break;
      case "HEALTHCHECK":
        stage.health = JSON.parse(rest.slice(rest.indexOf("["))) as string[];
        break;
      case "CMD":
        stage.command = JSON.parse(rest) as string[];
        break;
      case "USER":
      case "EXPOSE":
        break;
      default:
        throw new Failure(`what ${word} does is not known here`);
    }
  }
  if (stage === undefined) throw new Failure("the Dockerfile makes no image");
  return stage;
}

function instructions(path: string): [string, string][] {
  const lines = readFileSync(path, "utf8").replaceAll("\\\n", "").split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const at = line.indexOf(" ");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    });
}

/** A file goes into the folder that is named last; of a folder, what it holds. */
function copy(from: string, into: string, paths: string[], ignored: ReadonlySet<string>): void {
  const target = join(into, paths.at(-1) ?? "");
  for (const path of paths.slice(0, -1)) {
    const source = join(from, path);
    if (!statSync(source).isDirectory()) {
      cpSync(source, join(target, basename(source)));
      continue;
    }
    mkdirSync(target, { recursive: true });
    for (const name of readdirSync(source)) {
      if (!ignored.has(name)) cpSync(join(source, name), join(target, name), { recursive: true, verbatimSymlinks: true });
    }
  }
}

async function execute(
  project: Project,
  stage: Stage,
  [program = "", ...args]: string[],
  env: Record<string, string>,
  step: string,
): Promise<void> {
  await run(program, args, { cwd: stage.folder, log: project.log(`${step}-image`), env });
}

/** The files that other programs read, by the schemas of these. */
export function described(project: Project): void {
  const validator = requireEnv("PROVE_SCHEMAS");
  for (const [schema, file] of [
    ["vendor.compose-spec", "compose.yaml"],
    ["vendor.github-workflows", ".github/workflows/ci.yaml"],
  ] as const) {
    const told = spawnSync(validator, ["--builtin-schema", schema, join(project.folder, file)], { encoding: "utf8" });
    if (told.status !== 0) throw new Failure(`${file}: ${told.stdout}${told.stderr}`);
  }
}
