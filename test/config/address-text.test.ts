import assert from "node:assert/strict";
import { test } from "node:test";
import { addressText } from "../../src/config/config.ts";

test("an IPv6 host stands in brackets before its port, every other host as it is", () => {
  assert.equal(addressText({ host: "::", port: 15_080 }), "[::]:15080");
  assert.equal(addressText({ host: "127.0.0.1", port: 80 }), "127.0.0.1:80");
  assert.equal(addressText({ host: "localhost", port: 80 }), "localhost:80");
});
