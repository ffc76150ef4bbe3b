/** Debian packages that a suite uses, installed where they are missing, apt-get is there and this is root. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

/** Debian asks this program whether a package may start its service; 101 is no. */
const SERVICE_POLICY = "/usr/sbin/policy-rc.d";
const APT_TIMEOUT_MS = 300_000;

export function works(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

export function installed(program: string): boolean {
  return works("sh", "-c", `command -v ${program}`);
}

/** @param wanted package by the program that it brings */
export function installPackages(say: (line: string) => void, wanted: Readonly<Record<string, string>>): void {
  const missing = Object.keys(wanted).filter((program) => !installed(program));
  if (missing.length === 0) return;
  const packages = missing.map((program) => wanted[program] ?? program);
  if (process.getuid?.() !== 0 || !installed("apt-get")) {
    say(`missing, and there is no apt-get to install them, or no root: ${packages.join(", ")}`);
    return;
  }
  say(`installing ${packages.join(", ")}`);
  const mayNotStart = !existsSync(SERVICE_POLICY);
  if (mayNotStart) writeFileSync(SERVICE_POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    apt("update", "-q");
    apt("install", "-q", "-y", "--no-install-recommends", ...packages);
  } finally {
    if (mayNotStart) rmSync(SERVICE_POLICY, { force: true });
  }
  const still = missing.filter((program) => !installed(program));
  if (still.length > 0) say(`apt-get could not install what has ${still.join(", ")}: suites that need it are skipped`);
}

function apt(...args: readonly string[]): void {
  spawnSync("apt-get", args, {
    stdio: "ignore",
    timeout: APT_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}
