import assert from "node:assert/strict";
import { test } from "node:test";
import { LineBatches, MOST_WAITING } from "../../../src/proxy/thread/line-batches.ts";
import type { LineBatch } from "../../../src/telemetry/log-output.ts";

const LINE = `${"x".repeat(1023)}\n`;

function writeLine(lines: LineBatches, line: string): void {
  const text = lines.forLine();
  if (text === undefined) return;
  text.beginLine();
  text.literal(line);
  text.endLine();
  lines.written();
}

function start() {
  const posted: LineBatch[] = [];
  const counts = { lost: 0 };
  const lines = new LineBatches(
    (batch) => posted.push(batch),
    () => {
      counts.lost += 1;
    },
  );
  const write = (times: number): void => {
    for (let count = 0; count < times; count += 1) writeLine(lines, LINE);
  };
  return { lines, posted, counts, write };
}

test("lines wait for each other, and are one text", () => {
  const { lines, posted } = start();
  writeLine(lines, "a\n");
  writeLine(lines, "b\n");
  assert.deepEqual(posted, []);
  lines.flush();
  lines.flush();
  assert.deepEqual(posted, [{ text: "a\nb\n", lines: 2, lost: 0 }]);
});

test("lines that nobody takes are bounded, and the others are counted", () => {
  const { posted, counts, write } = start();
  write(10_000);
  const kept = posted.reduce((sum, { text }) => sum + text.length, 0);
  assert.equal(kept, MOST_WAITING);
  assert.equal(counts.lost, 10_000 - MOST_WAITING / LINE.length);
});

test("lines go on when half of what waited was taken, and the number of the lost goes before them", () => {
  const { lines, posted, counts, write } = start();
  write(10_000);
  lines.flush();
  const full = posted.length;
  for (let taken = 0; taken < full / 2 - 1; taken += 1) lines.taken();
  write(1);
  assert.equal(posted.length, full);
  lines.taken();
  assert.deepEqual(posted.slice(full), [{ text: "", lines: 0, lost: counts.lost }]);
  write(1);
  lines.flush();
  assert.deepEqual(posted.at(-1), { text: LINE, lines: 1, lost: 0 });
});
