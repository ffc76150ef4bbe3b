/** Implementations that are wrong, as processes: what the kit says of each, and what is left of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { startKit, type KitOutcome } from "./kit-run.ts";

const FAULTY = [process.execPath, join(import.meta.dirname, "faulty-implementation.ts")];
const IN_A_LOOP = ["sh", "-c", 'while :; do "$@"; done', "sh", ...FAULTY];
const BELOW_A_SHELL = ["sh", "-c", '"$@"; true', "sh", ...FAULTY];

function tryFaulty(fault: string, only: string, command: readonly string[] = FAULTY, ...options: readonly string[]) {
  return startKit([`--only=${only}`, ...options, "--", ...command], { FAULT: fault }).outcome;
}

const lines = ({ stdout }: KitOutcome): readonly string[] =>
  stdout.match(/^(?:passed|differs|failed|skipped|stopped:|\d+ passed).*/gm) ?? [];

/** A process that has ended and that nobody has asked for its exit code is none. */
function isThere(pid: string): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("an implementation that accepts and says nothing fails, and nothing further is tried", async () => {
  const outcome = await tryFaulty("silent", "D01,D02", FAULTY, "--settle=2", "--answer=1");
  assert.equal(outcome.code, 1);
  assert.match(outcome.stdout, /was not let in within 2 s: got \{"silentMs":\d+\}/);
  assert.deepEqual(lines(outcome).slice(1), [
    "stopped: the implementation has not taken over its first case",
    "0 passed, 0 differ, 1 failed, 1 not played, 0 skipped",
  ]);
});

test("silence is no refusal: the case fails, and the next is played", async () => {
  const outcome = await tryFaulty("silent-to-cases", "D01,D02", FAULTY, "--answer=1");
  assert.equal(outcome.code, 1);
  assert.equal(outcome.stdout.match(/expected (?:close|forward), got \{"silentMs":1000\}/g)?.length, 2);
  assert.equal(lines(outcome).at(-1), "0 passed, 0 differ, 2 failed, 0 skipped");
});

test("an implementation that ends on a refused caller fails, with its exit code and its last words", async () => {
  const outcome = await tryFaulty("exits-on-refusal", "D01,D02");
  assert.equal(outcome.code, 1);
  assert.match(outcome.stdout, /^failed +D01 /m);
  assert.match(
    outcome.stdout,
    /^stopped: the implementation has ended with exit code 3; the last of its stderr:\nlistens \d+\ncannot refuse$/m,
  );
  assert.equal(lines(outcome).at(-1), "0 passed, 0 differ, 1 failed, 1 not played, 0 skipped");
});

test("an implementation that ends after the last refusal fails too", async () => {
  const outcome = await tryFaulty("exits-after-refusal", "D01");
  assert.equal(outcome.code, 1);
  assert.match(outcome.stdout, /^stopped: the implementation has ended with exit code 4; /m);
});

test("an implementation that ends on a refused caller fails also where a shell starts it again", async () => {
  const outcome = await tryFaulty("exits-on-refusal", "D01", IN_A_LOOP);
  assert.equal(outcome.code, 1);
  assert.match(outcome.stdout, /which was let in on port 65000 before, is not after this: got \{"error":"ECONN/);
});

test("an implementation that a signal ends stops the run, with the signal and its last words", async () => {
  const outcome = await tryFaulty("killed-at-start", "D01,D02");
  assert.equal(outcome.code, 1);
  assert.match(
    outcome.stdout,
    /^stopped: the implementation has ended by SIGKILL; the last of its stderr:\nno memory$/m,
  );
});

test("a 403 does not let in: no case of an implementation that answers it to everybody is taken over", async () => {
  const outcome = await tryFaulty("forbids-all", "D01", FAULTY, "--settle=2");
  assert.equal(outcome.code, 1);
  assert.match(outcome.stdout, /was not let in within 2 s: got \{"status":403/);
});

test("what OSM was seen to do differs and does not fail, with the reason for the difference", async () => {
  const openDoor = [process.execPath, join(import.meta.dirname, "open-door.ts")];
  const outcome = await startKit(["--only=D36", "--", ...openDoor]).outcome;
  assert.equal(outcome.code, 0, outcome.stdout);
  assert.match(
    outcome.stdout,
    /^differs D36 .*\n +\{"from":"10\.0\.0\.10"\}: got forward as from OSM, expected close\n +difference: OSM lets/m,
  );
  assert.match(outcome.stdout, /^0 passed, 1 differ, 0 failed, 0 skipped$/m);
});

test("a process below the command's shell is told to end, and is gone after the run", async () => {
  const outcome = await tryFaulty("", "D01", BELOW_A_SHELL);
  assert.equal(outcome.code, 0, outcome.stdout);
  const [, pid = ""] = /^listens (\d+)$/m.exec(outcome.stderr) ?? [];
  assert.match(outcome.stderr, new RegExp(`^told to end ${pid}$`, "m"));
  assert.equal(isThere(pid), false);
});

test("an implementation that does not hear SIGTERM is killed", async () => {
  const outcome = await tryFaulty("ignores-sigterm", "D01");
  assert.equal(outcome.code, 0, outcome.stdout);
  const [, pid = ""] = /^listens (\d+)$/m.exec(outcome.stderr) ?? [];
  assert.equal(isThere(pid), false);
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  test(`${signal} ends the run with its implementation, and no key stays on the disk`, async () => {
    using temporary = temporaryDirectory();
    const kit = startKit(["--only=D01", "--", ...BELOW_A_SHELL], { FAULT: "silent", TMPDIR: temporary.path });
    let pid: string | undefined;
    while (pid === undefined) {
      const [chunk] = (await once(kit.process.stderr ?? assert.fail(), "data")) as [Buffer];
      pid = /listens (\d+)/.exec(chunk.toString())?.[1];
    }
    const written = readdirSync(temporary.path, { recursive: true }).map(String);
    assert.ok(
      written.some((file) => file.endsWith("tls.key")),
      written.join(" "),
    );
    kit.process.kill(signal);
    assert.equal((await kit.outcome).code, code);
    assert.equal(isThere(pid), false);
    assert.deepEqual(readdirSync(temporary.path), []);
  });
