import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeChunk, encodeLastChunk, encodeRequestHead } from "../../../../src/proxy/http/wire/encode.ts";
import { hasSpareSpace, parseRequestHead } from "../../../../src/proxy/http/wire/request-head.ts";
import { WireFault } from "../../../../src/proxy/http/wire/wire-fault.ts";

const parse = (text: string) => parseRequestHead(text, 10);
const encode = (method: string, target: string, lines: readonly string[]) =>
  encodeRequestHead({ method, target, lines, framing: "none" }, "b:80");
const get = (...lines: readonly string[]) => parse(`GET / HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}`);

test("a head of the strict subset is read byte for byte", () => {
  assert.deepEqual(
    parse("M-SEARCH /a\\b//c?d=~&%zz HTTP/1.1\r\nHost: a:80\r\nX-A: b\r\nx-a: c\r\ncontent-length: 12\r\n"),
    {
      method: "M-SEARCH",
      target: "/a\\b//c?d=~&%zz",
      lines: ["Host", "a:80", "X-A", "b", "x-a", "c", "content-length", "12"],
      framing: { kind: "length", bytes: 12 },
      persistent: true,
      hasUpgrade: false,
      hasExpect: false,
    },
  );
});

test("what a server does with a connection and an expectation is told", () => {
  const head = get("host: a", "Connection: x", "connection: Close", "Upgrade: websocket", "expect: 100-continue");
  assert.ok(!(head instanceof WireFault));
  assert.deepEqual(
    [head.persistent, head.hasUpgrade, head.hasExpect, head.framing],
    [false, true, true, { kind: "none" }],
  );
});

test("a higher minor version is read as 1.1, and OPTIONS may be about the server itself", () => {
  for (const line of ["GET / HTTP/1.2", "GET / HTTP/1.9", "OPTIONS * HTTP/1.1"]) {
    const head = parse(`${line}\r\nhost: a\r\n`);
    assert.ok(!(head instanceof WireFault));
    assert.equal(head.target, line.split(" ")[1]);
  }
});

const refused: readonly (readonly [name: string, text: string, kind: string])[] = [
  ["HTTP/1.0", "GET / HTTP/1.0\r\nhost: a\r\n", "malformed"],
  ["HTTP/2.0", "GET / HTTP/2.0\r\nhost: a\r\n", "malformed"],
  ["HTTP/1.10", "GET / HTTP/1.10\r\nhost: a\r\n", "malformed"],
  ["absolute-form", "GET http://a/ HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["asterisk-form of GET", "GET * HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["authority-form", "CONNECT a:80 HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["a byte above ASCII in the target", "GET /\xe9 HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["a fragment", "GET /#a HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["a space in the target", "GET /a b HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["a TAB for a space", "GET\t/ HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["two spaces", "GET  / HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["a space behind the version", "GET / HTTP/1.1 \r\nhost: a\r\n", "malformed"],
  ["a method that is no token", "G(T / HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["an empty line first", "\r\nGET / HTTP/1.1\r\nhost: a\r\n", "malformed"],
  ["a line by LF alone", "GET / HTTP/1.1\nhost: a\r\n", "malformed"],
  ["no Host", "GET / HTTP/1.1\r\n", "malformed"],
  ["two Hosts", "GET / HTTP/1.1\r\nhost: a\r\nHOST: a\r\n", "malformed"],
  ["a space before the colon", "GET / HTTP/1.1\r\nhost: a\r\ncontent-length : 5\r\n", "malformed"],
  ["both framings", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n", "framing"],
  ["two lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5\r\n", "framing"],
  ["identity", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\n", "framing"],
  ["eleven lines", `GET / HTTP/1.1\r\n${"host: a\r\n".repeat(11)}`, "too-many-lines"],
];

for (const [name, text, kind] of refused) {
  test(`not of the strict subset: ${name}`, () => {
    const head = parse(text);
    assert.ok(head instanceof WireFault);
    assert.equal(head.kind, kind);
  });
}

test("a head that was written is read back, with the framing that was meant", () => {
  for (const [method, framing, lines, expected] of [
    ["GET", "none", [], { kind: "none" }],
    ["POST", "none", [], { kind: "length", bytes: 0 }],
    ["PUT", "length", ["content-length", "3"], { kind: "length", bytes: 3 }],
    ["DELETE", "chunked", [], { kind: "chunked" }],
  ] as const) {
    const text = encodeRequestHead({ method, target: "/x?y", lines: ["host", "a", ...lines], framing }, "b");
    assert.ok(typeof text === "string" && text.endsWith("\r\n\r\n"));
    const head = parse(text.slice(0, -2));
    assert.ok(!(head instanceof WireFault));
    assert.deepEqual([head.method, head.target, head.framing, head.persistent], [method, "/x?y", expected, true]);
  }
});

test("several spaces are seen in the request line, as far as it has come, and nowhere behind it", () => {
  for (const text of ["GET  /", "GET /  HTTP/1.1\r\n", "\r\n\r\nGET /   H", "  GET / HTTP/1.1\r\n"])
    assert.equal(hasSpareSpace(text), true, JSON.stringify(text));
  for (const text of ["", "GET ", "GET / HTTP/1.1\r\nx:  y\r\n", "\r\nGET / HTTP/1.0\r\n\r\nGET  /"])
    assert.equal(hasSpareSpace(text), false, JSON.stringify(text));
});

test("what would make two messages of one is not written", () => {
  for (const text of [
    encode("GET /\r\nX", "/", ["host", "a"]),
    encode("GET", "/ HTTP/1.1\r\nx: y", ["host", "a"]),
    encode("GET", "*", ["host", "a"]),
    encode("GET", "/", ["host", "a\r\nx: y"]),
    // Latin1 would make CR and LF of these.
    encode("GET", "/", ["host", "a\u{10d}\u{10a}x: y"]),
    encode("GET", "/\u{10d}\u{10a}", ["host", "a"]),
    encode("GET", "/", ["host\r\n", "a"]),
    encode("GET", "/", ["transfer-encoding: chunked\r\nx", "a"]),
    encodeLastChunk(["x", "y\r\n\r\nGET / HTTP/1.1"]),
  ])
    assert.ok(text instanceof WireFault);
});

test("chunks and trailers are written as they are read", () => {
  assert.equal(encodeChunk("x".repeat(17)), `11\r\n${"x".repeat(17)}\r\n`);
  assert.equal(encodeLastChunk([]), "0\r\n\r\n");
  assert.equal(encodeLastChunk(["a-bin", "1", "a-bin", "2"]), "0\r\na-bin: 1\r\na-bin: 2\r\n\r\n");
});

test("OPTIONS may be about the server itself (RFC 9112 section 3.2.4)", () => {
  assert.equal(
    encode("OPTIONS", "*", ["host", "a"]),
    "OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: keep-alive\r\n\r\n",
  );
});

test("a request without Host gets the application's own", () => {
  assert.equal(
    encode("GET", "/", ["x", "y"]),
    "GET / HTTP/1.1\r\nhost: b:80\r\nx: y\r\nconnection: keep-alive\r\n\r\n",
  );
});
