/**
 * Preloaded into Postern (`--import`, which its threads inherit): each data thread writes a CPU profile of a while that the
 * bench chooses, so that neither start nor end of the process is in it.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { PROFILE, PROFILE_FOLDER, PROFILE_ORDER } from "./profile-files.ts";

const POLL_MS = 200;

async function profile(seconds: number): Promise<string> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 500 });
  await session.post("Profiler.start");
  await wait(seconds * 1_000);
  const result = await session.post("Profiler.stop");
  session.disconnect();
  return JSON.stringify(result.profile);
}

async function follow(folder: string): Promise<void> {
  const order = join(folder, PROFILE_ORDER);
  const file = join(folder, PROFILE);
  for (;;) {
    await wait(POLL_MS, undefined, { ref: false });
    if (!existsSync(order)) continue;
    const seconds = Number(readFileSync(order, "utf8"));
    rmSync(order);
    writeFileSync(`${file}.part`, await profile(seconds));
    renameSync(`${file}.part`, file);
  }
}

const folder = process.env[PROFILE_FOLDER];
if (folder !== undefined && !isMainThread) void follow(folder);
