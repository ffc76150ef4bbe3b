import assert from "node:assert/strict";
import { test } from "node:test";
import { LOAD_CORE, run, start } from "../../../../bench/load/processes/pinned-process.ts";

test("run() gives what a program printed and the CPU that it took", async () => {
  const busy = "const end = Date.now() + 200; while (Date.now() < end); console.log('done');";
  const { output, cpuUs } = await run(process.execPath, ["--eval", busy], 30);
  assert.equal(output, "done\n");
  assert.ok(cpuUs > 0);
});

test("run() fails with a program's code and words, and kills it when its time is over", async () => {
  await assert.rejects(run("sh", ["-c", "echo no such host >&2; exit 3"], 30), /sh ended with 3: no such host/);
  await assert.rejects(run("sleep", ["60"], 0.2), /sleep ended with SIGKILL/);
});

test("run() of what cannot be started leaves no timer behind", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  await assert.rejects(run("true", [], 30, { PATH: "/nowhere" }), /ENOENT/);
  assert.equal(timers(), before);
});

test("what start() began has ended once it is disposed of", async () => {
  const child = start(LOAD_CORE, "sleep", ["60"]);
  await using _ = child;
  assert.equal(child.exited(), false);
  await child[Symbol.asyncDispose]();
  assert.equal(child.exited(), true);
  assert.throws(() => process.kill(child.pid, 0), /ESRCH/);
});
