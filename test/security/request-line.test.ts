/** Targets, methods, versions and hosts that somebody behind us could read in another way; the undici pool wedge. */
import { after, before, test } from "node:test";
import { Target, type AttackRow } from "../support/caller/attack.ts";

let target: Target;

before(async () => {
  target = await Target.start();
});

after(() => target?.[Symbol.asyncDispose]());

const get = (line: string, host = "host: a\r\n"): string => `${line}\r\n${host}\r\n`;

const rows: readonly AttackRow[] = [
  { name: "GET * wedges an undici pool that is handed it", bytes: get("GET * HTTP/1.1"), expect: 404 },
  { name: "OPTIONS *", bytes: get("OPTIONS * HTTP/1.1"), expect: 200, seen: [["OPTIONS * HTTP/1.1", ""]] },
  { name: "CONNECT", bytes: get("CONNECT a:80 HTTP/1.1", "host: a:80\r\n"), expect: 405 },
  { name: "authority-form for GET", bytes: get("GET a:80 HTTP/1.1"), expect: 400 },
  { name: "absolute URI with another Host", bytes: get("GET http://b/x HTTP/1.1"), expect: 400 },
  { name: "absolute URI with user information", bytes: get("GET http://a@b/x HTTP/1.1", "host: a@b\r\n"), expect: 400 },
  { name: "a scheme that is no HTTP", bytes: get("GET file:///etc/passwd HTTP/1.1"), expect: 400 },
  { name: "two Host lines", bytes: get("GET / HTTP/1.1", "host: a\r\nhost: b\r\n"), expect: 400 },
  { name: "two equal Host lines", bytes: get("GET / HTTP/1.1", "host: a\r\nhost: a\r\n"), expect: 400 },
  { name: "no Host", bytes: get("GET / HTTP/1.1", ""), expect: 400 },
  ...["a b", "a@b", "a/b", "a#b", "a:x", "[::1]x", "%zz", "a,b:c", "a\\b", ""].map((host) => ({
    name: `Host: ${host}`,
    bytes: get("GET / HTTP/1.1", `host: ${host}\r\n`),
    expect: 400 as const,
  })),
  { name: "a fragment in the target", bytes: get("GET /a#b HTTP/1.1"), expect: 400 },
  ...[
    "GET  / HTTP/1.1",
    "GET /  HTTP/1.1",
    "GET   http://a/ HTTP/1.1",
    "OPTIONS  * HTTP/1.1",
    "GET  / HTTP/1.0",
    "GET  / HTTP/1.2",
    `GET /${"a".repeat(20_000)}  HTTP/1.1`,
    "\r\nGET  / HTTP/1.1",
  ].map((line) => ({
    name: `several spaces: ${JSON.stringify(line.slice(0, 30))}`,
    bytes: get(line),
    expect: 400 as const,
  })),
  { name: "a tab for a space", bytes: get("GET\t/ HTTP/1.1"), expect: 400 },
  { name: "HTTP/0.9", bytes: "GET /\r\n\r\n", expect: 505 },
  { name: "HTTP/2.0 in HTTP/1.1's clothes", bytes: get("GET / HTTP/2.0"), expect: 505 },
  { name: "HTTP/1.2 is read as 1.1", bytes: get("GET / HTTP/1.2"), expect: 200, seen: [["GET / HTTP/1.1", ""]] },
  { name: "HTTP/1.10", bytes: get("GET / HTTP/1.10"), expect: 400 },
  { name: "a method that nobody knows", bytes: get("BREW / HTTP/1.1"), expect: 400 },
  { name: "garbage in front", bytes: `\0\x01\x02${get("GET / HTTP/1.1")}`, expect: 400 },
  {
    name: "dots and escapes are passed on letter by letter",
    bytes: get("GET /a/../b//%2e%2e/c?x='%00 HTTP/1.1"),
    expect: 200,
    seen: [["GET /a/../b//%2e%2e/c?x='%00 HTTP/1.1", ""]],
  },
  {
    name: "names of JavaScript's own are names like others",
    bytes: get("GET /__proto__ HTTP/1.1", "host: a\r\n__proto__: x\r\nconstructor: y\r\ntoString: z\r\n"),
    expect: 200,
    seen: [["GET /__proto__ HTTP/1.1", ""]],
  },
  {
    name: "a header beyond the limit",
    bytes: get("GET / HTTP/1.1", `host: a\r\nx: ${"y".repeat(70_000)}\r\n`),
    expect: 431,
  },
  {
    name: "more lines than the limit, the framing behind them (CVE-2026-58044)",
    bytes: get("POST / HTTP/1.1", `host: a\r\n${"x: y\r\n".repeat(3_000)}transfer-encoding: chunked\r\n`),
    expect: 431,
  },
  { name: "101 lines", bytes: get("GET / HTTP/1.1", `host: a\r\n${"x: y\r\n".repeat(100)}`), expect: 431 },
];

for (const row of rows) test(row.name, () => target.prove(row));
