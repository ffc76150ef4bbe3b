import assert from "node:assert/strict";
import { test } from "node:test";
import { readHttp2Head, type Http2Head } from "../../../../src/proxy/http/http2/http2-head.ts";

const read = (scheme: string, authority: string, host: string): Http2Head =>
  readHttp2Head(
    [":method", "GET", ":scheme", scheme, ":path", "/", ":authority", authority, "host", host],
    true,
    10_000,
  );

for (const [scheme, authority, host] of [
  ["http", "a", "a"],
  ["http", "a:80", "a"],
  ["http", "a", "a:80"],
  ["http", "A:80", "a:"],
  ["https", "a:443", "a"],
  ["https", "a", "a:443"],
  ["https", "[::1]:443", "[::1]"],
] as const)
  test(`under ${scheme}, :authority ${authority} and host ${host} are one, and the authority is forwarded`, () => {
    const { fault, lines } = read(scheme, authority, host);
    assert.equal(fault, undefined);
    assert.deepEqual(lines, ["host", authority]);
  });

for (const [scheme, authority, host] of [
  ["http", "a", "b"],
  ["http", "a:443", "a"],
  ["https", "a", "a:80"],
  ["http", "a:8080", "a"],
  ["http", "a:80", "a:8080"],
] as const)
  test(`under ${scheme}, :authority ${authority} and host ${host} differ: 400`, () => {
    assert.deepEqual(read(scheme, authority, host).fault, {
      ok: false,
      status: 400,
      reason: ":authority and Host header differ",
    });
  });
