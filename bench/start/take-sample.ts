/** One start: from the start of the process to the first 200 of /readyz, then some rest and a look at its memory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "../../test/support/process/ports.ts";
import { cpuOf } from "../machine/processor-time.ts";
import type { Sample } from "./figures.ts";
import type { StartOptions } from "./options.ts";
import type { Launch } from "./sources.ts";

/** Often enough for a figure of hundreds; more often, it would take the CPU time that it measures. */
const LOOK_EVERY_MS = 10;
const LIMIT_MS = 60_000;

function smapsMiB(pid: number, name: string): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const rows = [...rollup.matchAll(new RegExp(`^${name}.*?: +(\\d+) kB`, "gm"))];
  return rows.reduce((sum, [, kib]) => sum + Number(kib), 0) / 1024;
}

async function isReady(admin: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${admin}/readyz`).then(
    (answer) => answer.status === 200,
    () => false,
  );
}

/** @throws when it ends, or is not ready in time */
export async function takeSample(
  bundle: string,
  { before, flags, env }: Launch,
  { nodeFlags, restSeconds }: Pick<StartOptions, "nodeFlags" | "restSeconds">,
): Promise<Omit<Sample, "bundle" | "source">> {
  const [listen = 0, admin = 0] = await freePorts(2);
  const [file, ...args] = [
    ...before,
    process.execPath,
    ...nodeFlags,
    join(bundle, "postern.mjs"),
    "run",
    ...flags,
    "--namespace=test",
    "--service=foo",
    `--backend=port=80,listen=127.0.0.1:${listen},app=127.0.0.1:1`,
    `--admin=127.0.0.1:${admin}`,
    "--workers=1",
    "--drain-delay=0",
  ];
  const begin = performance.now();
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, ...env } });
  const pid = child.pid ?? 0;
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  try {
    while (!(await isReady(admin))) {
      if (child.exitCode !== null || performance.now() - begin > LIMIT_MS) throw new Error(`${bundle} does not start`);
      await delay(LOOK_EVERY_MS);
    }
    const readyMs = performance.now() - begin;
    const cpuMs = cpuOf(pid) / 1_000;
    await delay(restSeconds * 1_000);
    return { readyMs, cpuMs, residentMiB: smapsMiB(pid, "Rss"), privateMiB: smapsMiB(pid, "Private_") };
  } finally {
    kill();
    process.off("exit", kill);
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}
