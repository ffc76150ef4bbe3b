import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { wordsOfFailure } from "../../src/files/words-of-failure.ts";

test("of a failure of a file the path is left out, which its message is about", async () => {
  const path = "/nowhere/it's, open 'here'";
  for (const attempt of [() => stat(path), () => readFile(path), () => readdir(path)]) {
    const error: unknown = await attempt().catch((thrown: unknown) => thrown);
    assert.equal(wordsOfFailure(error), "ENOENT: no such file or directory");
  }
  const directory: unknown = await readFile("/").catch((thrown: unknown) => thrown);
  assert.match(wordsOfFailure(directory), /^EISDIR: illegal operation on a directory$/);
  assert.equal(wordsOfFailure(new Error("it ends, open 'x'")), "it ends, open 'x'");
  assert.equal(wordsOfFailure("words"), "words");
});
