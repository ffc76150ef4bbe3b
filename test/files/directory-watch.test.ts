import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DirectoryWatch, type DirectoryWatchOptions } from "../../src/files/directory-watch.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

/** Ends a wait for what does not come; no test passes by it. */
const TIMEOUT_MS = 10_000;
/** Longer than any test: what is read then was seen by a watch. */
const NEVER_MS = 3_600_000;

/** A watch that counts its readings. */
class Readings implements AsyncDisposable {
  readonly watch: DirectoryWatch;
  count = 0;
  #next = Promise.withResolvers<void>();

  constructor(times: Omit<DirectoryWatchOptions, "read">, read: () => Promise<void> = () => Promise.resolve()) {
    this.watch = new DirectoryWatch({
      ...times,
      read: () => {
        this.count += 1;
        this.#next.resolve();
        this.#next = Promise.withResolvers();
        return read();
      },
    });
    this.watch.start();
  }

  /** The next reading to begin. */
  async next(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("expected a reading")), TIMEOUT_MS);
    });
    await Promise.race([this.#next.promise, late]).finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch.stop();
  }
}

test("a file that is written, replaced or made in a directory that is followed is a reading", async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  writeFileSync(at("a"), "1");
  await using readings = new Readings({ settleMs: 5, pollMs: NEVER_MS });
  readings.watch.follow([directory.path]);
  for (const change of [
    () => writeFileSync(at("a"), "2"),
    () => writeFileSync(at("b"), "1"),
    () => renameSync(at("b"), at("a")),
  ]) {
    const next = readings.next();
    change();
    await next;
  }
});

test("changes that follow each other without rest are one reading", async () => {
  await using readings = new Readings({ settleMs: 50, pollMs: NEVER_MS });
  const next = readings.next();
  for (let change = 0; change < 100; change += 1) readings.watch.soon();
  await next;
  // The second reading comes of this change alone: had the first hundred left one behind, it would be before it.
  const second = readings.next();
  readings.watch.soon();
  await second;
  assert.equal(readings.count, 2);
});

test("what never rests is read all the same", async () => {
  await using readings = new Readings({ settleMs: 100, pollMs: 300 });
  const restless = setInterval(() => readings.watch.soon(), 10);
  await readings.next().finally(() => clearInterval(restless));
});

test("a mounted volume whose link is swapped is read without waiting for rest, for its files change together", async () => {
  using directory = temporaryDirectory();
  await using readings = new Readings({ settleMs: NEVER_MS, pollMs: NEVER_MS });
  readings.watch.follow([directory.path]);
  const link = join(directory.path, "..data");
  const next = readings.next();
  mkdirSync(join(directory.path, "..1"));
  symlinkSync("..1", `${link}_tmp`);
  renameSync(`${link}_tmp`, link);
  await next;
  assert.equal(readings.count, 1);
});

test("a poll reads where nothing is watched", async () => {
  await using readings = new Readings({ settleMs: 1, pollMs: 20 });
  await readings.next();
  await readings.next();
  assert.equal(readings.count, 2);
});

test("readings never overlap, and a change during one is read after it", async () => {
  let running = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  await using readings = new Readings({ settleMs: 1, pollMs: NEVER_MS }, async () => {
    running += 1;
    most = Math.max(most, running);
    await gate.promise;
    running -= 1;
  });
  const first = readings.next();
  readings.watch.soon();
  await first;
  const second = readings.next();
  readings.watch.soon();
  setTimeout(() => gate.resolve(), 20);
  await second;
  assert.deepEqual([readings.count, most], [2, 1]);
});

test("a directory that is not there yet is watched once it is, and one that is dropped no longer", async () => {
  using directory = temporaryDirectory();
  const later = join(directory.path, "later");
  await using readings = new Readings({ settleMs: 5, pollMs: NEVER_MS });
  readings.watch.follow([later]);
  mkdirSync(later);
  readings.watch.follow([later]);
  const next = readings.next();
  // One event each: a file's own would be several.
  mkdirSync(join(later, "a"));
  await next;

  await using other = new Readings({ settleMs: 5, pollMs: NEVER_MS });
  other.watch.follow([later]);
  readings.watch.follow([]);
  const before = readings.count;
  const seen = other.next();
  mkdirSync(join(later, "b"));
  await seen;
  assert.equal(readings.count, before);
});

test("stop() waits for the reading that is under way, and there is none after it", async () => {
  using directory = temporaryDirectory();
  const gate = Promise.withResolvers<void>();
  let over = false;
  const readings = new Readings({ settleMs: 1, pollMs: 20 }, async () => {
    await gate.promise;
    over = true;
  });
  readings.watch.follow([directory.path]);
  const first = readings.next();
  readings.watch.soon();
  await first;
  const stopped = readings.watch.stop();
  gate.resolve();
  await stopped;
  assert.ok(over);

  // Another watch with the same times sees the change and polls; this one does neither.
  await using other = new Readings({ settleMs: 1, pollMs: 20 });
  other.watch.follow([directory.path]);
  const seen = other.next();
  readings.watch.soon();
  writeFileSync(join(directory.path, "a"), "1");
  await seen;
  await other.next();
  assert.equal(readings.count, 1);
});
