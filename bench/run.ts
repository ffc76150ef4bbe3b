/** `npm run bench -- SUITE [flags]`: each suite is a process of its own, so that none weighs on another's figures. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import { readArguments } from "../test/support/command-line.ts";
import { isSuite, SUITES, type Suite } from "./suites.ts";

/** Those that need nothing but this machine. */
const DEFAULT: readonly Suite[] = ["micro", "load"];

const HELP = `npm run bench -- [SUITE] [flags]

Each suite has a --help of its own. Without one, ${DEFAULT.join(" and ")} run.

${Object.entries(SUITES)
  .map(([name, { does }]) => `  ${name.padEnd(12)} ${does}`)
  .join("\n")}
`;

/** @throws where the first is no suite */
function noSuite([first]: readonly string[]): void {
  if (first !== undefined)
    throw new Error(`unknown suite '${first}'; expected one of ${Object.keys(SUITES).join(", ")}`);
}

const [first, ...args] = process.argv.slice(2);
const named = first !== undefined && isSuite(first) ? first : undefined;
// What follows the name of a suite is that suite's to read.
if (named === undefined) readArguments(HELP, noSuite);

let stopped: NodeJS.Signals | undefined;
let stop = (_signal: NodeJS.Signals): unknown => undefined;
// The suite ends what it started; this process waits for that. What Ctrl-C sends has reached the suite already, which takes it twice.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    stopped ??= signal;
    stop(signal);
  });

for (const suite of named === undefined ? DEFAULT : [named]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, SUITES[suite].script), ...args], {
    stdio: "inherit",
  });
  stop = (signal) => child.kill(signal);
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (code !== 0) process.exitCode = code ?? 128 + constants.signals[signal ?? "SIGKILL"];
  if (stopped !== undefined) {
    process.exitCode = 128 + constants.signals[stopped];
    break;
  }
}
