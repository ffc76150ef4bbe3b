import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import {
  cpuOf,
  cpuOfTrees,
  parseCoreTime,
  parseResident,
  parseTimes,
  reapedCpuUs,
  residentOf,
} from "../../../bench/machine/processor-time.ts";

test("parseTimes() counts fields from behind a name with spaces and parentheses", () => {
  const stat = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 100 200 0 0 31 12 7 5 20 0 11 0 900 1000 200";
  assert.deepEqual(parseTimes(stat), { ownUs: 430_000, reapedUs: 120_000 });
});

test("parseCoreTime() takes the named core's line, without idle time and interrupts", () => {
  const stat = ["cpu  9 9 9 9 9 9 9 9 0 0", "cpu0 10 1 20 5000 300 40 50 3 0 0", "cpu1 1 1 1 1 1 1 1 1 0 0"].join("\n");
  assert.equal(parseCoreTime(stat, 0), 340_000);
  assert.throws(() => parseCoreTime(stat, 2), /no core 2/);
});

test("parseResident() gives KiB, and not a number where a process has no memory left", () => {
  assert.equal(parseResident("Name:\tnode\nVmRSS:\t   51234 kB\nThreads:\t1\n"), 51_234);
  assert.ok(Number.isNaN(parseResident("Name:\tnode\nState:\tZ (zombie)\n")));
});

test("the kernel's own files are understood", () => {
  const before = reapedCpuUs();
  // Some tens of ticks.
  spawnSync(process.execPath, ["--eval", "const end = Date.now() + 300; while (Date.now() < end);"]);
  assert.ok(reapedCpuUs() > before);
  assert.ok(cpuOf(process.pid) > 0 && cpuOfTrees([process.pid]) >= reapedCpuUs());
  assert.ok(residentOf(process.pid) > 1_000);
});
