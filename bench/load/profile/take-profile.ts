/** Has a running Postern profile its data thread under load; its figures are taken before, undisturbed. */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { GeneratorRun } from "../generators/generated-load.ts";
import { hotSpots, type CpuProfile, type HotSpot } from "./hot-spots.ts";
import { PROFILE, PROFILE_ORDER } from "./profile-files.ts";

const WAIT_MS = 10_000;
/** The load begins before the profile and ends after it. */
const MARGIN_SECONDS = 1;
const HOT_SPOTS = 12;

/**
 * @param load generates requests for so many seconds
 * @param folder that the contender was started with
 * @param kept file for the profile
 * @returns where its time went
 * @throws when no profile comes
 */
export async function takeProfile(
  load: (seconds: number) => Promise<GeneratorRun>,
  seconds: number,
  folder: string,
  kept: string,
): Promise<readonly HotSpot[]> {
  const loaded = load(seconds + 2 * MARGIN_SECONDS);
  await wait(MARGIN_SECONDS * 1_000);
  writeFileSync(join(folder, PROFILE_ORDER), String(seconds));
  await loaded;
  const written = join(folder, PROFILE);
  const deadline = performance.now() + WAIT_MS;
  while (!existsSync(written)) {
    if (performance.now() > deadline) throw new Error(`no data thread wrote a profile within ${WAIT_MS / 1_000} s`);
    await wait(100);
  }
  copyFileSync(written, kept);
  rmSync(written);
  return hotSpots(JSON.parse(readFileSync(kept, "utf8")) as CpuProfile, HOT_SPOTS);
}
