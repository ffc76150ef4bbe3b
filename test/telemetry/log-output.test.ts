import assert from "node:assert/strict";
import { test } from "node:test";
import { LogOutput } from "../../src/telemetry/log-output.ts";

type Done = (error?: Error | null) => void;

/** Takes nothing until it is told to. */
class HeldWriter {
  readonly texts: string[] = [];
  readonly #waiting: Done[] = [];

  readonly write = (text: string, done: Done): void => {
    this.texts.push(text);
    this.#waiting.push(done);
  };

  take(error?: Error): void {
    for (const done of this.#waiting.splice(0)) done(error);
  }

  get characters(): number {
    return this.texts.reduce((sum, text) => sum + text.length, 0);
  }
}

const LINE = `${"x".repeat(1023)}\n`;

test("lines and batches go out in the order in which they came", () => {
  const writer = new HeldWriter();
  const output = new LogOutput(writer.write, () => undefined);
  output.line("1\n");
  output.batch({ text: "2\n3\n", lines: 2, lost: 0 }, () => undefined);
  output.line("4\n");
  assert.deepEqual(writer.texts, ["1\n", "2\n3\n", "4\n"]);
});

test("own lines that nobody takes are bounded, the others are counted, and one call tells of them when it flows", async () => {
  const writer = new HeldWriter();
  const told = Promise.withResolvers<number>();
  const output = new LogOutput(writer.write, told.resolve);
  for (let count = 0; count < 3000; count += 1) output.line(LINE);
  assert.equal(writer.characters, 1024 * 1024);
  assert.equal(output.lost, 3000 - 1024);
  writer.take();
  output.line(LINE);
  assert.equal(output.lost, 3000 - 1024);
  assert.equal(await orAfter(told.promise), 3000 - 1024);
});

test("what a thread has lost is told with the rest, and not counted here again", async () => {
  const writer = new HeldWriter();
  const told = Promise.withResolvers<number>();
  const output = new LogOutput(writer.write, told.resolve);
  output.batch({ text: "a\n", lines: 1, lost: 7 }, () => undefined);
  writer.take();
  output.batch({ text: "", lines: 0, lost: 5 }, () => undefined);
  assert.equal(await orAfter(told.promise), 12);
  assert.equal(output.lost, 0);
});

test("a batch is taken when it is out, and when its writing failed, and then its lines are lost", () => {
  const writer = new HeldWriter();
  const output = new LogOutput(writer.write, () => undefined);
  const taken: string[] = [];
  output.batch({ text: "a\n", lines: 1, lost: 0 }, () => taken.push("first"));
  assert.equal(taken.length, 0);
  writer.take();
  output.batch({ text: "b\nc\n", lines: 2, lost: 0 }, () => taken.push("second"));
  writer.take(new Error("EPIPE"));
  assert.deepEqual(taken, ["first", "second"]);
  assert.equal(output.lost, 2);
});

test("when everything is out before the number of the lost comes, it is told all the same", async () => {
  const writer = new HeldWriter();
  const told = Promise.withResolvers<number>();
  const output = new LogOutput(writer.write, told.resolve);
  output.batch({ text: "a\n", lines: 1, lost: 0 }, () => undefined);
  writer.take();
  output.batch({ text: "", lines: 0, lost: 5 }, () => undefined);
  assert.equal(await orAfter(told.promise), 5);
});

test("an output that is broken is told nothing of it, and one that takes lines again is", async () => {
  const writer = new HeldWriter();
  const told = Promise.withResolvers<number>();
  const output = new LogOutput(writer.write, told.resolve);
  output.line("a\n");
  writer.take(new Error("EPIPE"));
  const silence = new Promise((resolve) => setTimeout(resolve, 1_500, "silence"));
  assert.equal(await Promise.race([told.promise, silence]), "silence");
  output.line("b\n");
  writer.take();
  assert.equal(await orAfter(told.promise), 1);
});

test("the end waits for what is still to be written, and not for ever", async () => {
  const writer = new HeldWriter();
  const output = new LogOutput(writer.write, () => undefined);
  await output.written(60_000);
  output.line("a\n");
  await output.written(5);
  const written = output.written(60_000);
  writer.take();
  await written;
});

/** The timer that tells holds no process. */
function orAfter(told: Promise<number>): Promise<number> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("nothing was told within 10 s")), 10_000);
    void told.then((lines) => {
      clearTimeout(late);
      resolve(lines);
    });
  });
}
