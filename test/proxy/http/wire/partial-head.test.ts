import assert from "node:assert/strict";
import { test } from "node:test";
import { PartialHead } from "../../../../src/proxy/http/wire/partial-head.ts";

/** The first length at which a head that comes a byte at a time is found out; -1: never. */
function foundAt(text: string): number {
  const partial = new PartialHead();
  const bytes = Buffer.from(text, "latin1");
  for (let length = 1; length <= bytes.length; length += 1)
    if (!partial.plausible(bytes.subarray(0, length))) return length;
  return -1;
}

test("every beginning of a head of the strict subset may become one", () => {
  const text = "M-SEARCH /a?b=c HTTP/1.1\r\nhost: a\r\nx-high: \xe9\tb\r\nx-empty:\r\n";
  assert.equal(foundAt(text), -1);
  for (let length = 1; length <= text.length; length += 1)
    assert.ok(new PartialHead().plausible(Buffer.from(text.slice(0, length), "latin1")), text.slice(0, length));
});

const faulty: readonly (readonly [name: string, before: string, fault: string])[] = [
  ["a control character in a method", "G", "\x01"],
  ["NUL in a target", "GET /a", "\0"],
  ["another protocol", "GET / ", "S"],
  ["another version", "GET / HTTP/2.", "0"],
  ["a bare CR in a value", "GET / HTTP/1.1\r\nx: a\r", "b"],
  ["a space before the colon", "GET / HTTP/1.1\r\nx : a\r", "\n"],
  ["a folded line", "GET / HTTP/1.1\r\nx: a\r\n b\r", "\n"],
  ["DEL in a value", "GET / HTTP/1.1\r\nx: a", "\x7f"],
];

for (const [name, before, fault] of faulty)
  test(`told as soon as it has come: ${name}`, () => assert.equal(foundAt(`${before}${fault}`), before.length + 1));
