import assert from "node:assert/strict";
import { test } from "node:test";
import { versionIn } from "../../../../bench/load/processes/versions.ts";

test("versionIn() finds the version among names, paths and hashes", () => {
  assert.equal(versionIn("nginx version: nginx/1.22.1\n"), "1.22.1");
  assert.equal(versionIn("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/"), "2.6.12-1+deb12u4");
  const envoy = "/cache/lib/python3.11/envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE";
  assert.equal(versionIn(envoy), "1.40.0");
  assert.equal(versionIn("h2load nghttp2/1.52.0"), "1.52.0");
});

test("versionIn() says so where there is none", () => {
  assert.equal(versionIn("command not found"), "unknown");
});
