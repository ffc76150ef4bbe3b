/** `npm run bench -- SUITE [flags]`: each suite is a process of its own, so that none weighs on another's figures. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { isSuite, SUITES, type Suite } from "./suites.ts";

/** Those that need nothing but this machine. */
const DEFAULT: readonly Suite[] = ["micro", "load"];

const HELP = `npm run bench -- [SUITE [flags]]

Suites: ${Object.keys(SUITES).join(", ")}; ${DEFAULT.join(" and ")} when none is named. SUITE --help shows its flags.
`;

const [first, ...rest] = process.argv.slice(2);
if (first === "--help") {
  console.log(HELP.trim());
  process.exit(0);
}
if (first !== undefined && !isSuite(first)) {
  console.error(`unknown suite '${first}'; expected one of ${Object.keys(SUITES).join(", ")}`);
  process.exit(2);
}
// What Ctrl-C sends reaches the suite too, which ends what it started; this process waits for it.
process.on("SIGINT", () => undefined);
for (const suite of first === undefined ? DEFAULT : [first]) {
  const script = join(import.meta.dirname, SUITES[suite]);
  const { status } = spawnSync(process.execPath, [script, ...rest], { stdio: "inherit" });
  if (status !== 0) process.exitCode = status ?? 1;
}
