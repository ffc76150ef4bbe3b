/**
 * `npm run test:lab`: redirected traffic, real gateways and a real control plane, in network namespaces. `npm run lab` brings
 * the same up to play with. Both need root, which they say; whatever they make is in namespaces that end with them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import { buildControlPlane, cachedBinaries } from "../cluster/control-plane/build.ts";
import { oneOf, readArguments } from "../support/command-line.ts";
import { installPackages, works } from "../support/debian-packages.ts";
import { limitFlags } from "../support/limits/flags.ts";
import { suiteFiles } from "../support/suite-files.ts";
import { obtainContour } from "./contour/obtain-contour.ts";
import { obtainEnvoy } from "./contour/obtain-envoy.ts";
import { ISOLATED } from "./isolation.ts";

/** Of one test: the longest takes half a minute. */
const TEST_LIMIT_MS = 240_000;
/** By the program that each brings. */
const PACKAGES = {
  ip: "iproute2",
  nft: "nftables",
  "iptables-restore": "iptables",
  nginx: "nginx-light",
  haproxy: "haproxy",
};

const HELP = `npm run test:lab -- [FILE...]
npm run lab

Redirected traffic, real gateways and a real control plane in network namespaces (test/lab/*.lab.ts), or these files alone;
'npm run lab' brings the same up to play with. Needs root.
`;

function say(line: string): void {
  console.log(line);
}

async function isolated(command: readonly string[]): Promise<number> {
  const [file, ...args] = [...ISOLATED, ...command];
  const child = spawn(file, args, { stdio: "inherit" });
  // The terminal sends its signals to the whole group: the child decides.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => (signal === "SIGTERM" ? child.kill("SIGKILL") : undefined));
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + constants.signals[signal ?? "SIGKILL"];
}

/** Each piece that cannot be had costs the suites that need it; they say so themselves. */
async function prepare(): Promise<boolean> {
  if (process.getuid?.() !== 0) {
    say("the laboratory was skipped: it makes network namespaces with addresses, which needs root");
    return false;
  }
  installPackages(say, PACKAGES);
  if (!works(...ISOLATED, "ip", "link", "add", "trial", "type", "veth", "peer", "name", "trial-peer")) {
    say("the laboratory was skipped: namespaces joined by veth pairs cannot be made here (unshare, setpriv, ip)");
    return false;
  }
  await attempt("the control plane", async () => {
    if ((await cachedBinaries(process.env)) === undefined) await buildControlPlane(process.env, say);
  });
  await attempt("Contour", () => obtainContour(process.env, say));
  await attempt("Envoy", () => obtainEnvoy(process.env, say));
  return true;
}

async function attempt(what: string, obtain: () => Promise<unknown>): Promise<void> {
  try {
    await obtain();
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).trim().split("\n").slice(-1);
    say(`${what} cannot be had here, so its suites are skipped: ${reason}`);
  }
}

interface Options {
  readonly mode: "play" | "test";
  readonly files: readonly string[];
}

function parseOptions([mode = "", ...args]: readonly string[]): Options {
  const wanted = oneOf("the first argument", mode, ["play", "test"]);
  return { mode: wanted, files: suiteFiles(args, join(import.meta.dirname, "*.lab.ts")) };
}

async function main({ mode, files }: Options): Promise<number> {
  if (!(await prepare())) return 0;
  if (mode === "play") return isolated([process.execPath, join(import.meta.dirname, "play.ts")]);
  // One at a time: each has namespaces and a control plane of its own, with the same names.
  const flags = [...limitFlags(TEST_LIMIT_MS), "--test", "--test-concurrency=1"];
  return isolated([process.execPath, ...flags, ...files]);
}

process.exitCode = await main(readArguments(HELP, parseOptions));
