import assert from "node:assert/strict";
import { test } from "node:test";
import { holdsAll, nextBundle, type Bundle } from "../../../src/controller/certificate-authority/bundle.ts";
import { splitPem } from "../../../src/tls/x509/pem.ts";
import { TestAuthority } from "../../support/mesh/authority.ts";

const HOUR = 3_600_000;
// The roots of tests live for a day.
const now = Date.now();

test("a root that is no longer wanted stays as long as it was given, and goes then", async () => {
  const [one, two] = [await TestAuthority.create("CN=one"), await TestAuthority.create("CN=two")];
  const first = nextBundle({ former: undefined, wanted: [one.certPem], now, keepMs: HOUR });
  assert.equal(splitPem(first.pem).length, 1);
  assert.deepEqual(first.retiring, {});
  const second = nextBundle({ former: first, wanted: [two.certPem], now, keepMs: HOUR });
  assert.deepEqual(
    splitPem(second.pem).map((pem) => pem.trim()),
    [two.certPem.trim(), one.certPem.trim()],
  );
  assert.deepEqual(Object.values(second.retiring), [now + HOUR]);
  const later = (former: Bundle, at: number): Bundle =>
    nextBundle({ former, wanted: [two.certPem], now: at, keepMs: 5 * HOUR });
  assert.deepEqual(later(second, now + HOUR - 1), second, "its time does not begin anew");
  assert.deepEqual(
    splitPem(later(second, now + HOUR).pem).map((pem) => pem.trim()),
    [two.certPem.trim()],
  );
});

test("a root that is wanted again retires no more", async () => {
  const [one, two] = [await TestAuthority.create("CN=one"), await TestAuthority.create("CN=two")];
  const former = nextBundle({
    former: { pem: one.certPem, retiring: {} },
    wanted: [two.certPem],
    now,
    keepMs: HOUR,
  });
  const back = nextBundle({ former, wanted: [one.certPem, two.certPem], now, keepMs: HOUR });
  assert.deepEqual(back.retiring, {});
  assert.equal(splitPem(back.pem).length, 2);
});

test("a root twice is there once, and what is no certificate is left out", async () => {
  const one = await TestAuthority.create();
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const former = { pem: `${broken}${one.certPem}`, retiring: {} };
  const bundle = nextBundle({ former, wanted: [one.certPem + one.certPem], now, keepMs: HOUR });
  assert.equal(splitPem(bundle.pem).length, 1);
});

test("whether a bundle holds a root is told by the certificate, whatever text it is written as", async () => {
  const [one, two] = [await TestAuthority.create("CN=one"), await TestAuthority.create("CN=two")];
  const rewrapped = one.certPem.replace(/(?<=-----\n)[^-]+/, (body) => `${body.replaceAll("\n", "")}\r\n`);
  assert.notEqual(rewrapped, one.certPem);
  assert.ok(holdsAll(`# of another program\n${rewrapped}`, [one.certPem]));
  assert.ok(holdsAll(two.certPem + rewrapped, [one.certPem, two.certPem]));
  assert.ok(!holdsAll(rewrapped, [one.certPem, two.certPem]));
  assert.ok(!holdsAll("", [one.certPem]));
});
