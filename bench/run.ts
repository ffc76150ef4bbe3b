/** `npm run bench -- SUITE [flags]`: each suite is a process of its own, so that none weighs on another's figures. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const SUITES = new Map([
  ["micro", "micro/authorize.ts"],
  ["load", "load/load.ts"],
  ["start", "start/start.ts"],
  ["propagation", "kubernetes/propagation.ts"],
  ["fleet", "kubernetes/fleet.ts"],
  ["handshake", "handshake/handshake.ts"],
  ["revocation", "revocation/revocation.ts"],
  ["install", "install.ts"],
]);
/** Those that need nothing but this machine. */
const DEFAULT = ["micro", "load"];

const [first, ...rest] = process.argv.slice(2);
if (first !== undefined && !SUITES.has(first)) {
  console.error(`unknown suite '${first}'; expected one of ${[...SUITES.keys()].join(", ")}`);
  process.exit(2);
}
// What Ctrl-C sends reaches the suite too, which ends what it started; this process waits for it.
process.on("SIGINT", () => undefined);
for (const suite of first === undefined ? DEFAULT : [first]) {
  const script = join(import.meta.dirname, SUITES.get(suite) ?? "");
  const { status } = spawnSync(process.execPath, [script, ...rest], { stdio: "inherit" });
  if (status !== 0) process.exitCode = status ?? 1;
}
