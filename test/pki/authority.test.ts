import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createAuthority, issueCertificate } from "../../src/pki/authority.ts";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const DAY_MS = 86_400_000;

const authority = createAuthority();
const root = new X509Certificate(authority.certPem);

test("a certificate is the CA's, no CA itself, named by its first name, and good for a day unless told", () => {
  const { certPem } = issueCertificate(authority, { dnsNames: ["a.test", "b.test"], uris: ["spiffe://td/a"] });
  const leaf = new X509Certificate(certPem);
  assert.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey));
  assert.equal(leaf.ca, false);
  assert.match(leaf.subject, /^CN=a\.test$/m);
  assert.equal(leaf.subjectAltName, "DNS:a.test, DNS:b.test, URI:spiffe://td/a");
  assert.deepEqual([...(leaf.keyUsage ?? [])].sort(), [SERVER_AUTH, CLIENT_AUTH].sort());
  const left = leaf.validToDate.getTime() - Date.now();
  assert.ok(left > 0.9 * DAY_MS && left <= DAY_MS, `${left} ms`);
  assert.ok(leaf.validFromDate.getTime() < Date.now(), "a clock that is a little behind takes it at once");
});

test("life and purposes are those that are asked for", () => {
  const notBefore = new Date("2030-01-01T00:00:00Z");
  const notAfter = new Date("2031-01-01T00:00:00Z");
  const asked = { uris: ["spiffe://td/a"], notBefore, notAfter, usages: ["client"] } as const;
  const leaf = new X509Certificate(issueCertificate(authority, asked).certPem);
  assert.deepEqual([leaf.validFromDate, leaf.validToDate], [notBefore, notAfter]);
  assert.deepEqual(leaf.keyUsage, [CLIENT_AUTH]);
});

test("a certificate for nobody is not issued", () => {
  assert.throws(() => issueCertificate(authority, {}), RangeError);
});

test("two certificates share neither key nor serial number, and a CA of the same name has issued neither", () => {
  const [one, other] = [0, 1].map(
    () => new X509Certificate(issueCertificate(authority, { dnsNames: ["a.test"] }).certPem),
  );
  assert.ok(one !== undefined && other !== undefined);
  assert.notEqual(one.serialNumber, other.serialNumber);
  assert.equal(one.publicKey.equals(other.publicKey), false);
  assert.equal(one.verify(new X509Certificate(createAuthority().certPem).publicKey), false);
});
