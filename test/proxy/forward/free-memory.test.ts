import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseOf } from "../../../src/proxy/forward/free-memory.ts";

const RECORD = 16_384;

test("bytes that are all of their memory are given back when they are released, and not before", () => {
  const bytes = Buffer.allocUnsafeSlow(RECORD);
  const release = releaseOf(bytes);
  assert.equal(bytes.length, RECORD);
  release?.();
  assert.deepEqual([bytes.length, bytes.buffer.byteLength], [0, 0]);
});

test("bytes whose memory others may read are never given back, nor are few and shared ones", () => {
  const memory = Buffer.allocUnsafeSlow(2 * RECORD);
  for (const bytes of [
    memory.subarray(0, RECORD),
    memory.subarray(RECORD),
    Buffer.allocUnsafeSlow(100),
    Buffer.from("x".repeat(1_000)),
    Buffer.from(new SharedArrayBuffer(RECORD)),
  ])
    assert.equal(releaseOf(bytes), undefined);
});
