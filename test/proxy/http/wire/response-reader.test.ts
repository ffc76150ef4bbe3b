import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutsOf, readParts, type ReadResponse } from "./wire-messages.ts";

interface Row {
  readonly name: string;
  readonly text: string;
  readonly toHead?: boolean;
  readonly expected: Partial<ReadResponse>;
}

const rows: readonly Row[] = [
  {
    name: "a small response with a length",
    text: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-A:  b \r\nx-a:\r\n\r\nhi",
    expected: {
      status: 200,
      lines: ["content-length", "2", "X-A", "b", "x-a", ""],
      body: "hi",
      persistent: true,
      ended: true,
    },
  },
  {
    name: "no reason, and no space where it would be",
    text: "HTTP/1.1 204\r\n\r\n",
    expected: { status: 204, ended: true, persistent: true },
  },
  {
    name: "a higher minor version is 1.1",
    text: "HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n",
    expected: { status: 200, ended: true, persistent: true },
  },
  {
    name: "the end of the connection ends a body without framing",
    text: "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    expected: { body: "until the end", persistent: false, ended: true },
  },
  {
    name: "a 205 is framed like any other",
    text: "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n",
    expected: { status: 205, ended: true, persistent: true },
  },
  {
    name: "a response to HEAD has no body, whatever its lines say",
    text: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
    toHead: true,
    expected: { status: 200, body: "", ended: true, persistent: true },
  },
  {
    name: "304 has no body, whatever its lines say",
    text: "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
    expected: { status: 304, body: "", ended: true, persistent: true },
  },
  {
    name: "informational responses before the final one",
    text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    expected: { interim: [100, 103], status: 200, body: "x", ended: true },
  },
  {
    name: "chunks, extensions and repeated trailers",
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a="b"\r\nabc\r\n00A ; c\r\n0123456789\r\n0\r\nx-bin: 1\r\nX-Bin: 2\r\n\r\n',
    expected: { body: "abc0123456789", trailers: ["x-bin", "1", "X-Bin", "2"], ended: true, persistent: true },
  },
  {
    name: "an empty chunked body",
    text: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    expected: { body: "", trailers: [], ended: true },
  },
  {
    name: "the application gives the connection up",
    text: "HTTP/1.1 200 OK\r\nconnection: X, Close\r\ncontent-length: 0\r\n\r\n",
    expected: { ended: true, persistent: false },
  },
  {
    name: "HTTP/1.0 keeps a connection only where it says so",
    text: "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    expected: { ended: true, persistent: false },
  },
  {
    name: "HTTP/1.0 that says so",
    text: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n",
    expected: { ended: true, persistent: true },
  },
  {
    name: "a status above 599 is for another to judge",
    text: "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
    expected: { status: 999, ended: true },
  },
  {
    name: "bytes above ASCII in a value",
    text: "HTTP/1.1 200 \xfcber\r\nx: \xe9\r\ncontent-length: 0\r\n\r\n",
    expected: { lines: ["x", "\xe9", "content-length", "0"], ended: true },
  },
];

for (const { name, text, toHead, expected } of rows) {
  test(`${name}, wherever it is split`, () => {
    const whole = readParts([text], toHead);
    const { fault, ...given } = whole;
    assert.equal(fault, undefined);
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(given[key as keyof typeof given], value, key);
    for (const parts of cutsOf(text)) assert.deepEqual(readParts(parts, toHead), whole);
    assert.deepEqual(readParts(text.split(""), toHead), whole);
  });
}

const head = (...lines: readonly string[]): string =>
  `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
const chunked = (body: string): string => head("transfer-encoding: chunked") + body;

const refused: readonly (readonly [name: string, text: string, kind: string])[] = [
  ["both framings", `${head("content-length: 2", "transfer-encoding: chunked")}0\r\n\r\n`, "framing"],
  ["two lengths", head("content-length: 2", "content-length: 3"), "framing"],
  ["two equal lengths", head("content-length: 2", "Content-Length: 2"), "framing"],
  ["a list of lengths", head("content-length: 2, 2"), "framing"],
  ["a length with a sign", head("content-length: +2"), "framing"],
  ["a length in hexadecimal", head("content-length: 0x2"), "framing"],
  ["an empty length", head("content-length:"), "framing"],
  ["a length beyond exact numbers", head("content-length: 9999999999999999"), "framing"],
  ["another encoding", head("transfer-encoding: gzip"), "framing"],
  ["a list of encodings", head("transfer-encoding: gzip, chunked"), "framing"],
  ["chunked twice", head("transfer-encoding: chunked", "transfer-encoding: chunked"), "framing"],
  ["an encoding with a parameter", head("transfer-encoding: chunked;x=y"), "framing"],
  ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "framing"],
  ["chunked behind a vertical tab", head("transfer-encoding: \x0bchunked"), "malformed"],
  ["a switch that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "framing"],
  ["lines that end with LF alone", "HTTP/1.1 200 OK\ncontent-length: 0\n\n", "malformed"],
  ["one line that ends with LF alone", head("a: b\nc: d"), "malformed"],
  ["a bare CR in a value", head("a: b\rc"), "malformed"],
  ["a line of CR alone", head("a: b", "\rc: d"), "malformed"],
  ["obs-fold", head("a: b", " c"), "malformed"],
  ["obs-fold by TAB", head("a: b", "\tc"), "malformed"],
  ["obs-fold on the first line", head(" a: b"), "malformed"],
  ["a space before the colon", head("a : b"), "malformed"],
  ["a TAB before the colon", head("content-length\t: 5"), "malformed"],
  ["a line without colon", head("nonsense"), "malformed"],
  ["a line without name", head(": b"), "malformed"],
  ["a name that is no token", head("a(b): c"), "malformed"],
  ["a name above ASCII", head("\xe9: c"), "malformed"],
  ["NUL in a value", head("a: b\0c"), "malformed"],
  ["NUL in a name", head("a\0: b"), "malformed"],
  ["DEL in a value", head("a: b\x7f"), "malformed"],
  ["an escape in a value", head("a: \x1b[2J"), "malformed"],
  ["another version", "HTTP/2.0 200 OK\r\n\r\n", "malformed"],
  ["a version in lower case", "http/1.1 200 OK\r\n\r\n", "malformed"],
  ["two spaces behind the version", "HTTP/1.1  200 OK\r\n\r\n", "malformed"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "malformed"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "malformed"],
  ["a status that begins with zero", "HTTP/1.1 099 OK\r\n\r\n", "malformed"],
  ["an empty line before the status", "\r\nHTTP/1.1 200 OK\r\n\r\n", "malformed"],
  ["another protocol", "SSH-2.0-OpenSSH_9.7\r\n", "malformed"],
  ["a head that is too large", head(`x: ${"y".repeat(65 * 1_024)}`), "too-large"],
  ["a head that never ends", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(1_000)}`, "too-large"],
  ["too many lines", head(...Array.from({ length: 21 }, () => "a: b")), "too-many-lines"],
  ["a chunk without size", chunked("\r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a size that is no number", chunked("zz\r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a size with 0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a negative size", chunked("-3\r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a space before the size", chunked(" 3\r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a space behind the size", chunked("3 \r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a size that overflows", chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a size line by LF alone", chunked("3\nabc\r\n0\r\n\r\n"), "malformed"],
  ["a chunk that is longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), "malformed"],
  ["a chunk that ends with LF alone", chunked("3\r\nabc\n0\r\n\r\n"), "malformed"],
  ["a bare CR in an extension", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), "malformed"],
  ["an extension without end", chunked(`3;${"a".repeat(5_000)}`), "too-large"],
  ["more extensions than a message may have", chunked("1;" + `${"a".repeat(2_000)}\r\nx\r\n1;`.repeat(9)), "too-large"],
  ["a trailer by LF alone", chunked("0\r\nx: y\n\r\n"), "malformed"],
  ["a trailer that is folded", chunked("0\r\nx: y\r\n z\r\n\r\n"), "malformed"],
  ["trailers that are too large", chunked(`0\r\nx: ${"y".repeat(2_000)}\r\n\r\n`), "too-large"],
  ["too many trailers", chunked(`0\r\n${"a: b\r\n".repeat(21)}\r\n`), "too-many-lines"],
  ["an end before the head's", "HTTP/1.1 200 OK\r\ncontent-len", "incomplete"],
  ["an end in a body with a length", `${head("content-length: 5")}abc`, "incomplete"],
  ["an end between chunks", chunked("3\r\nabc\r\n"), "incomplete"],
  ["an end in the trailers", chunked("0\r\nx: y\r\n"), "incomplete"],
  ["no byte", "", "incomplete"],
];

for (const [name, text, kind] of refused) {
  test(`refused: ${name}, wherever it is split`, () => {
    assert.equal(readParts([text]).fault, kind);
    for (const parts of cutsOf(text.slice(0, 6_000))) {
      const { fault, ended } = readParts([...parts, text.slice(6_000)]);
      assert.deepEqual([fault, ended], [kind, false], JSON.stringify(parts));
    }
  });
}

test("bytes behind a message are told of, and never read as another one", () => {
  const answer = `${head("content-length: 5")}first`;
  const { body, rest, ended } = readParts([`${answer}${answer}`]);
  assert.deepEqual([body, rest, ended], ["first", true, true]);
});

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const value = fc.stringMatching(/^(?:[!-~\xa0-\xff](?:[ -~\t\xa0-\xff]{0,20}[!-~\xa0-\xff])?)?$/);
const framingNames = new Set(["connection", "keep-alive", "content-length", "transfer-encoding"]);
const line = fc.tuple(token, value).filter(([name]) => !framingNames.has(name.toLowerCase()));
const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});

/** A text in parts, cut at random. */
function partsOf(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => text.slice(from, at[index] ?? text.length));
}

test("what was written by the grammar is read back, whatever its chunks and parts", () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 8 }),
      fc.array(bytes, { maxLength: 6 }),
      fc.array(line, { maxLength: 4 }),
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 12 }),
      (lines, chunks, trailers, isChunked, cuts) => {
        const text = (pairs: readonly (readonly [string, string])[]): string =>
          pairs.map(([name, value]) => `${name}: ${value}\r\n`).join("");
        const body = chunks.join("");
        const coded =
          chunks.map((chunk) => (chunk === "" ? "" : `${chunk.length.toString(16)}\r\n${chunk}\r\n`)).join("") +
          `0\r\n${text(trailers)}\r\n`;
        const framing = isChunked ? "transfer-encoding: chunked" : `content-length: ${body.length}`;
        const message = `HTTP/1.1 200 OK\r\n${text(lines)}${framing}\r\n\r\n${isChunked ? coded : body}`;
        const read = readParts(partsOf(message, cuts));
        assert.equal(read.fault, undefined);
        assert.deepEqual(read.lines.slice(0, -2), lines.flat());
        assert.equal(read.body, body);
        assert.deepEqual(read.trailers, isChunked ? trailers.flat() : []);
        assert.deepEqual([read.ended, read.rest], [true, false]);
      },
    ),
    { numRuns: 1_000 },
  );
});

const piece = fc.oneof(
  fc.constantFrom(
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    ": ",
    " ",
    "\t",
    "\0",
    "0\r\n",
    "5;a\r\n",
    "HTTP/1.1 200 OK\r\n",
    "x: y\r\n",
  ),
  fc.constantFrom(
    "content-length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "connection: close\r\n",
    "3\r\nabc\r\n",
    "\xff",
  ),
  bytes,
);

test("bytes of any kind mean the same in one part and in many", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (pieces, cuts) => {
      const message = `HTTP/1.1 200 OK\r\n${pieces.join("")}`;
      const whole = readParts([message]);
      const parts = readParts(partsOf(message, cuts));
      // Of a body that turns out broken more or less may have been told by then.
      if (whole.fault === undefined) assert.deepEqual(parts, { ...whole, rest: parts.rest });
      else assert.deepEqual([parts.fault, parts.ended, parts.status], [whole.fault, whole.ended, whole.status]);
    }),
    { numRuns: 3_000 },
  );
});
