/** The image's files as the Dockerfile lays them out: what it is started with runs, without the checkout beside it. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePorts } from "../support/process/ports.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Stages by name, with their instructions. */
function stages(): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync(join(ROOT, "Dockerfile"), "utf8").split("\n");
  const found = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of lines) {
    const [, name] = /^FROM .* AS (\w+)$/.exec(line) ?? [];
    if (name !== undefined) found.set(name, (current = []));
    else if (line !== "" && !line.startsWith("#")) current?.push(line);
  }
  return found;
}

function argumentsOf(stage: readonly string[], instruction: string): readonly string[] {
  return stage.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1));
}

/** Copies what the stage copies, and tells the file that its entry point names. */
function layOut(stage: readonly string[], bundle: string, root: string): string {
  const [workdir = "/"] = argumentsOf(stage, "WORKDIR");
  for (const copy of argumentsOf(stage, "COPY")) {
    const [, fromBuild, source = "", target = ""] = /^(--from=build )?(\S+) (\S+)$/.exec(copy) ?? [];
    // Node itself: the test has its own.
    if (source === "") continue;
    const from = fromBuild === undefined ? join(ROOT, source) : source.replace("/out", bundle);
    cpSync(from, join(root, workdir, target), { recursive: true });
  }
  const entry = JSON.parse(argumentsOf(stage, "ENTRYPOINT")[0] ?? "[]") as readonly string[];
  return join(root, entry.at(-1) ?? "");
}

test("both images start with the command, and the demo of the sidecar's serves until it is told to end", async () => {
  using directory = temporaryDirectory();
  const bundle = join(directory.path, "out");
  mkdirSync(bundle);
  execFileSync(process.execPath, [join(ROOT, "scripts/bundle.ts"), bundle]);
  const redirect = layOut(stages().get("redirect") ?? [], bundle, join(directory.path, "redirect"));
  assert.match(
    execFileSync(process.execPath, [redirect, "redirect", "--print", "--backend=port=80"]).toString(),
    /redirect to :15080/,
  );
  const sidecar = layOut(stages().get("sidecar") ?? [], bundle, join(directory.path, "sidecar"));
  const [app = 0, http = 0, https = 0, admin = 0] = await freePorts(4);
  const ports = Object.entries({ app, http, https, admin }).map(([name, port]) => `--${name}-port=${port}`);
  const demo = spawn(process.execPath, [sidecar, "demo", `--dir=${join(directory.path, "demo")}`, ...ports], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    let said = "";
    for await (const chunk of demo.stdout.setEncoding("utf8")) if ((said += chunk).includes("Ctrl-C stops.")) break;
    const response = await fetch(`http://127.0.0.1:${http}/hello`);
    assert.match(await response.text(), /Hello from the application/, said);
    demo.kill("SIGTERM");
    assert.deepEqual(await once(demo, "exit"), [0, null]);
  } finally {
    if (demo.exitCode === null && demo.signalCode === null) demo.kill("SIGKILL");
  }
});

test("the sidecar's image is the default, runs as the uid of the injected container, and only the other is root", () => {
  const found = stages();
  assert.deepEqual([...found.keys()], ["build", "redirect", "sidecar"]);
  assert.deepEqual(argumentsOf(found.get("sidecar") ?? [], "USER"), ["1500:1500"]);
  assert.deepEqual(argumentsOf(found.get("redirect") ?? [], "USER"), ["0:0"]);
});
