import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback } from "../../../src/policy/address/loopback.ts";

test("loopback is localhost, ::1 and 127.0.0.0/8, and no name that looks like it", () => {
  for (const host of ["localhost", "::1", "127.0.0.1", "127.1.2.3"]) assert.equal(isLoopback(host), true, host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "127.example", "localhost.example", ""])
    assert.equal(isLoopback(host), false, host);
});
