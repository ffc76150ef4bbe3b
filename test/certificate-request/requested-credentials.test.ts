import assert from "node:assert/strict";
import { test } from "node:test";
import { isRooted, untilRenewal } from "../../src/certificate-request/requested-credentials.ts";
import { TestAuthority } from "../support/mesh/authority.ts";

const HOUR = 3_600_000;

test("a certificate is renewed at two thirds of its life, or a little before", async () => {
  const now = Date.now();
  const authority = await TestAuthority.create();
  const { certPem } = await authority.issue({ notBefore: new Date(now), notAfter: new Date(now + 3 * HOUR) });
  // Certificates know whole seconds.
  assert.ok(Math.abs(untilRenewal(certPem, now, 0) - 2 * HOUR) < 2_000);
  const early = untilRenewal(certPem, now, 0.99);
  assert.ok(early > 1.8 * HOUR && early < 2 * HOUR, `${early}`);
  assert.equal(untilRenewal(certPem, now + 2.5 * HOUR), 1_000);
});

test("a chain is rooted when the bundle holds the CA that signed its last certificate", async () => {
  const [root, other] = [await TestAuthority.create("CN=a"), await TestAuthority.create("CN=b")];
  const { certPem } = await (await root.intermediate()).issue();
  assert.equal(isRooted(certPem, other.certPem + root.certPem), true);
  assert.equal(isRooted(certPem, other.certPem), false);
});
