import assert from "node:assert/strict";
import { test } from "node:test";
import { LineText } from "../../src/telemetry/line-text.ts";

test("a line that was not ended is given up by the next one, and is not taken", () => {
  const text = new LineText(8);
  text.beginLine();
  text.literal("first\n");
  text.endLine();
  text.beginLine();
  text.literal("half of").string("a line");
  text.beginLine();
  text.literal("second\n");
  text.endLine();
  text.beginLine();
  text.literal("half");
  assert.equal(text.size, "first\nsecond\n".length);
  assert.equal(text.take(), "first\nsecond\n");
  assert.equal(text.take(), "");
});

test("sizes are bytes", () => {
  const text = new LineText(8);
  text.beginLine();
  text.string("\u00e9\u{1f600}").literal("\n");
  text.endLine();
  assert.equal(text.size, Buffer.byteLength(text.take()));
});

test("numbers are written as JavaScript writes them", () => {
  const edges = [
    0,
    -0,
    0.001,
    0.01,
    0.1,
    0.1 + 0.2,
    1.5,
    9.999,
    10,
    99.99,
    100,
    999.999,
    1000,
    999_999.999,
    1e6,
    -1,
    1e21,
  ];
  for (const value of edges) {
    const text = new LineText(8);
    text.beginLine();
    text.number(value);
    text.endLine();
    assert.equal(text.take(), `${value}`);
  }
});
