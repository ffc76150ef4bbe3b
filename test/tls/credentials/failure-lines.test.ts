import assert from "node:assert/strict";
import { test } from "node:test";
import { openLog } from "../../../src/telemetry/log.ts";
import { FailureLines } from "../../../src/tls/credentials/failure-lines.ts";

const MINUTE_MS = 60_000;

function failures(): { lines: FailureLines; said: () => readonly (readonly [string, number | undefined])[] } {
  const texts: string[] = [];
  const { log } = openLog("info", (text, done) => {
    texts.push(text);
    done();
  });
  const said = (): readonly (readonly [string, number | undefined])[] =>
    texts
      .join("")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { problem: string; suppressed?: number })
      .map(({ problem, suppressed }) => [problem, suppressed]);
  return { lines: new FailureLines(log, "it fails"), said };
}

test("a source that fails otherwise every time gets a few lines a minute, and the rest are counted", () => {
  const { lines, said } = failures();
  for (let attempt = 1; attempt <= 100; attempt += 1) lines.failed(`rubbish ${attempt}`, attempt);
  lines.look(MINUTE_MS);
  assert.deepEqual(
    said().map(([problem]) => problem),
    [1, 2, 3, 4, 5].map((attempt) => `rubbish ${attempt}`),
  );
  lines.look(MINUTE_MS + 1);
  lines.look(MINUTE_MS + 2);
  assert.deepEqual(said().slice(5), [["rubbish 100", 94]], "the last of them, and how many there were beside it");
});

test("what was held back is told with the recovery, once", () => {
  const { lines, said } = failures();
  for (let attempt = 1; attempt <= 7; attempt += 1) lines.failed(`rubbish ${attempt}`, attempt);
  assert.deepEqual([lines.recovered(), lines.recovered()], [{ suppressed: 2 }, {}]);
  lines.look(2 * MINUTE_MS);
  assert.equal(said().length, 5);
});
