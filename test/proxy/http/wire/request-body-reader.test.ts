import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestBodyReader } from "../../../../src/proxy/http/wire/request-body-reader.ts";
import { WireFault } from "../../../../src/proxy/http/wire/wire-fault.ts";
import { cutsOf } from "./wire-messages.ts";

const LIMITS = { maxBytes: 1_024, maxLines: 10 };

function read(framing: { kind: "chunked" } | { kind: "length"; bytes: number }, parts: readonly string[]) {
  const reader = new RequestBodyReader(framing, LIMITS);
  let body = "";
  let rest = "";
  for (const part of parts) {
    const bytes = Buffer.from(part, "latin1");
    const end = reader.done ? 0 : reader.read(bytes, 0);
    if (end instanceof WireFault) return end.kind;
    if (end > 0) body += reader.data.toString("latin1");
    rest += bytes.toString("latin1", end);
  }
  return { body, rest, done: reader.done, trailers: reader.trailers };
}

test("a body ends where its framing says, wherever it is split; what is behind it is left", () => {
  for (const parts of cutsOf("hellorest"))
    assert.deepEqual(read({ kind: "length", bytes: 5 }, parts), {
      body: "hello",
      rest: "rest",
      done: true,
      trailers: [],
    });
  for (const parts of cutsOf("2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nx-a: 1\r\nx-a: 2\r\n\r\nrest")) {
    const expected = { body: "hello", rest: "rest", done: true, trailers: ["x-a", "1", "x-a", "2"] };
    assert.deepEqual(read({ kind: "chunked" }, parts), expected);
  }
});

test("trailers that would frame a message are refused, and so are spaces behind a chunk's size", () => {
  assert.equal(read({ kind: "chunked" }, ["0\r\nContent-Length: 3\r\n\r\n"]), "framing");
  assert.equal(read({ kind: "chunked" }, ["0\r\ntransfer-encoding: chunked\r\n\r\n"]), "framing");
  assert.equal(read({ kind: "chunked" }, ["1 ;a\r\nx\r\n0\r\n\r\n"]), "malformed");
});
