import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createCliIo } from "../../src/cli/io.ts";

const SOURCES = join(import.meta.dirname, "../../src/cli");

test("a printed line stays one line whatever a name in it holds, on stdout and stderr; other text stays as it is", () => {
  const written: [string, string][] = [];
  const io = createCliIo({
    stdout: (text) => written.push(["stdout", text]),
    stderr: (text) => written.push(["stderr", text]),
    stdin: () => Promise.resolve(""),
    env: {},
    onTermination: () => undefined,
  });
  io.print(["a\nforged", "b\u001B[2J"]);
  io.printError("c\u0007\n");
  io.printJson({ name: "d\n\u009B" });
  io.stdout("a: |\n\tb\n");
  assert.deepEqual(written, [
    ["stdout", "a\\u{a}forged\nb\\u{1b}[2J\n"],
    ["stderr", "c\\u{7}\\u{a}\n"],
    ["stdout", '{"name":"d\\n\\u009b"}\n'],
    ["stdout", "a: |\n\tb\n"],
  ]);
});

test("no command writes to stderr past the lines, and none writes JSON of its own", () => {
  for (const name of readdirSync(SOURCES)) {
    const text = readFileSync(join(SOURCES, name), "utf8");
    const past = /\bio\.stderr\(|\bio\.stdout\(\s*["`]|\bio\.stdout\([^;]*JSON/.exec(text)?.[0];
    assert.equal(past, undefined, name);
  }
});
