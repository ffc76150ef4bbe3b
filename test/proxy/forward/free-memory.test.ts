import assert from "node:assert/strict";
import { test } from "node:test";
import { canFreeMemory, freeMemory } from "../../../src/proxy/forward/free-memory.ts";

const RECORD = 16_384;

test("bytes that are all of their memory are given back", () => {
  const bytes = Buffer.allocUnsafeSlow(RECORD);
  assert.ok(canFreeMemory(bytes));
  freeMemory(bytes);
  assert.deepEqual([bytes.length, bytes.buffer.byteLength], [0, 0]);
});

test("bytes whose memory others may read are left alone, as are few and shared ones", () => {
  const memory = Buffer.allocUnsafeSlow(2 * RECORD).fill("x");
  for (const bytes of [
    memory.subarray(0, RECORD),
    memory.subarray(RECORD),
    Buffer.allocUnsafeSlow(100).fill("x"),
    Buffer.from("x".repeat(1_000)),
    Buffer.from(new SharedArrayBuffer(RECORD)).fill("x"),
  ]) {
    assert.ok(!canFreeMemory(bytes));
    freeMemory(bytes);
    assert.ok(bytes.length > 0 && bytes.every((byte) => byte === "x".charCodeAt(0)));
  }
});
