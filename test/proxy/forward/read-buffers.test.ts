import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadBuffer, ReadBuffers } from "../../../src/proxy/forward/read-buffers.ts";

/** A read that fills the buffer. */
const WHOLE = 65_536;

/** One connection that reads, with what it reads into as Node keeps it. */
class Reader {
  readonly input: ReadBuffer;
  #buffer: Buffer;

  constructor(buffers: ReadBuffers) {
    this.input = new ReadBuffer(buffers);
    this.#buffer = this.input.next()!;
  }

  /** @returns what was read, and how to give it back where it was lent */
  read(bytes: number): { readonly data: Buffer; readonly release: (() => void) | undefined } {
    const data = this.#buffer.subarray(0, bytes);
    const release = this.input.lend(data);
    this.#buffer = this.input.next() ?? this.#buffer;
    return { data, release };
  }
}

test("small reads share one buffer, and are never lent", () => {
  const buffers = new ReadBuffers();
  const [one, other] = [new Reader(buffers), new Reader(buffers)];
  for (const reader of [one, other, one]) {
    const { data, release } = reader.read(100);
    assert.equal(release, undefined);
    assert.equal(data.buffer, buffers.shared.buffer);
  }
});

test("large reads are lent from the second on, and what is lent is read into by nobody until it is given back", () => {
  const buffers = new ReadBuffers();
  const [one, other] = [new Reader(buffers), new Reader(buffers)];
  assert.equal(one.read(WHOLE).release, undefined);
  other.read(WHOLE);
  const lent = Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? one : other).read(WHOLE));
  assert.ok(lent.every(({ release }) => release !== undefined));
  assert.equal(new Set([buffers.shared.buffer, ...lent.map(({ data }) => data.buffer)]).size, 7);

  lent[2]!.release!();
  // What is read into next was chosen before that.
  one.read(WHOLE);
  assert.equal(one.read(WHOLE).data.buffer, lent[2]!.data.buffer);
});

test("a connection that rests reads into the shared buffer again, and leaves its own to the others", () => {
  const buffers = new ReadBuffers();
  const [one, other] = [new Reader(buffers), new Reader(buffers)];
  one.read(WHOLE);
  one.input.rest();
  const own = one.read(100).data.buffer;
  assert.notEqual(own, buffers.shared.buffer);
  assert.equal(one.read(100).data.buffer, buffers.shared.buffer);
  other.read(WHOLE);
  assert.equal(other.read(WHOLE).data.buffer, own);
});
