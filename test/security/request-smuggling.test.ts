/** CL.TE, TE.CL, TE.TE, CL.0, chunk and Content-Length grammar: two readings of one message are one too many. */
import { after, before, test } from "node:test";
import { Target, type AttackRow } from "../support/caller/attack.ts";

let target: Target;

before(async () => {
  target = await Target.start();
});

after(() => target?.[Symbol.asyncDispose]());

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
const post = (headers: string, body: string, method = "POST"): string =>
  `${method} /x HTTP/1.1\r\nhost: a\r\n${headers}\r\n${body}`;
const chunked = (body: string, method = "POST"): string => post("transfer-encoding: chunked\r\n", body, method);

const refusedEncodings = [
  "xchunked",
  "chunked, identity",
  "identity",
  "gzip, chunked",
  "chunked, chunked",
  '"chunked"',
  "chunked;q=1",
];

const rows: readonly AttackRow[] = [
  { name: "CL.TE", bytes: post("content-length: 6\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\nG"), expect: 400 },
  {
    name: "TE.CL",
    bytes: post("transfer-encoding: chunked\r\ncontent-length: 4\r\n", `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    expect: 400,
  },
  {
    name: "TE.TE, the second with another case",
    bytes: post("transfer-encoding: chunked\r\nTransfer-Encoding: identity\r\n", `0\r\n\r\n${SMUGGLED}`),
    expect: 400,
  },
  ...refusedEncodings.map((value) => ({
    name: `Transfer-Encoding: ${value}`,
    bytes: post(`transfer-encoding: ${value}\r\n`, `0\r\n\r\n${SMUGGLED}`),
    // Node's parser refuses some of them by itself.
    expect: [400, 501],
  })),
  {
    name: "space before the colon",
    bytes: post("transfer-encoding : chunked\r\n", `0\r\n\r\n${SMUGGLED}`),
    expect: 400,
  },
  { name: "obsolete folding", bytes: post("transfer-encoding:\r\n chunked\r\n", `0\r\n\r\n${SMUGGLED}`), expect: 400 },
  { name: "bare LF between lines", bytes: "GET /x HTTP/1.1\nhost: a\n\n", expect: 400 },
  { name: "bare LF at the end of one line", bytes: "GET /x HTTP/1.1\r\nhost: a\nx: y\r\n\r\n", expect: 400 },
  { name: "bare CR in a value", bytes: "GET /x HTTP/1.1\r\nhost: a\r\nx: y\rz\r\n\r\n", expect: 400 },
  { name: "NUL in a value", bytes: "GET /x HTTP/1.1\r\nhost: a\r\nx: y\0z\r\n\r\n", expect: 400 },
  { name: "Content-Length twice, equal", bytes: post("content-length: 1\r\ncontent-length: 1\r\n", "a"), expect: 400 },
  {
    name: "Content-Length twice, different",
    bytes: post("content-length: 1\r\ncontent-length: 2\r\n", "ab"),
    expect: 400,
  },
  ...["1, 1", "+1", "-1", "0x1", "1 1", "1.0", "", "99999999999999999999999999"].map((value) => ({
    name: `Content-Length: '${value}'`,
    bytes: post(`content-length: ${value}\r\n`, "a"),
    expect: 400 as const,
  })),
  ...["-1", "0x1", "1 ", " 1", "1_0", "g", "", "fffffffffffffffff", "1\n"].map((size) => ({
    name: `chunk size '${size.trim() === size ? size : JSON.stringify(size)}'`,
    bytes: chunked(`${size}\r\na\r\n0\r\n\r\n`),
    expect: 400 as const,
  })),
  { name: "chunk without its CRLF", bytes: chunked(`1\r\nab\r\n0\r\n\r\n`), expect: 400 },
  { name: "chunk extension with a bare LF", bytes: chunked(`1;a\nb\r\na\r\n0\r\n\r\n`), expect: 400 },
  {
    name: "a GET with a body is one message",
    bytes: post(`content-length: ${SMUGGLED.length}\r\n`, SMUGGLED, "GET"),
    expect: 200,
    seen: [["GET /x HTTP/1.1", SMUGGLED]],
  },
  ...["DELETE", "OPTIONS", "GET"].map((method) => ({
    name: `${method} with chunks is one message (CVE-2026-29057)`,
    bytes: chunked(`${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`, method),
    expect: 200,
    seen: [[`${method} /x HTTP/1.1`, SMUGGLED] as const],
  })),
  {
    name: "CL.0: a length of zero and a request behind it are two messages",
    bytes: post("content-length: 0\r\n", SMUGGLED),
    expect: 200,
    seen: [
      ["POST /x HTTP/1.1", ""],
      ["GET /smuggled HTTP/1.1", ""],
    ],
  },
  {
    name: "chunk extensions and trailers end here",
    bytes: chunked(`3;name=value\r\nabc\r\n0\r\nx-forwarded-client-cert: By=forged\r\n\r\n`),
    expect: 200,
    seen: [["POST /x HTTP/1.1", "abc"]],
  },
];

for (const row of rows) test(row.name, () => target.prove(row));
