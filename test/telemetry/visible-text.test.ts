import assert from "node:assert/strict";
import { test } from "node:test";
import { visible, visibleJson } from "../../src/telemetry/visible-text.ts";

const NASTY = "a\u001B[2Jb\u0007\n\r\u0085\u009Bc\u2028\u202E\u{E0041}\uD800 é漢😀\\";

test("what steers a terminal, ends a line or turns text around is written out, and no letter is", () => {
  assert.equal(
    visible(NASTY),
    String.raw`a\u{1b}[2Jb\u{7}\u{a}\u{d}\u{85}\u{9b}c\u{2028}\u{202e}\u{e0041}\u{d800} é漢😀` + "\\",
  );
});

test("JSON keeps its meaning and holds no such character", () => {
  const value = { [NASTY]: [NASTY, 1, null] };
  const text = visibleJson(value);
  assert.deepEqual(JSON.parse(text), value);
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
});
