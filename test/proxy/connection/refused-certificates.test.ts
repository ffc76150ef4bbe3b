/** What RFC 5280 and OpenSSL's security level 2 (112 bits) refuse of a client certificate, by the reason that the record gives. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { JudgedHandshakes } from "../../support/caller/judged-handshake.ts";
import { makeCertificate, makeKeys, type CertificateOptions, type Made } from "../../support/mesh/certificates.ts";
import { der, sequence } from "../../support/mesh/der-writer.ts";

const HOUR_MS = 3_600_000;
const root = makeCertificate({ subject: "root", ca: true });
const weakRoot = makeCertificate({ subject: "weak", ca: true, keys: makeKeys("rsa", 1024) });
const own = makeCertificate({ subject: "foo", issuer: root, dns: ["foo"] });
const pinned = makeCertificate({ subject: "pinned", dns: ["edge"] });

let handshakes: JudgedHandshakes;

before(async () => {
  handshakes = await JudgedHandshakes.start(own);
  handshakes.trust([root, weakRoot, pinned]);
});

after(() => handshakes[Symbol.dispose]());

const ca = (subject: string, options: Partial<CertificateOptions> = {}): Made =>
  makeCertificate({ subject, ca: true, issuer: root, ...options });
const leaf = (issuer: Made, options: Partial<CertificateOptions> = {}): Made =>
  makeCertificate({ subject: "edge", issuer, dns: ["edge"], ...options });

const noCa = makeCertificate({ subject: "no CA", issuer: root });
const short = ca("short", { pathLength: 0 });
const below = ca("below", { issuer: short });
const elsewhere = ca("constrained", {
  extensions: [["2.5.29.30", true, sequence(der(0xa0, sequence(der(0x82, Buffer.from("elsewhere.example")))))]],
});
const sha1 = ca("sha1", { sha1: true });
const weak = ca("weak intermediate", { keys: makeKeys("rsa", 1024) });

const rows: readonly (readonly [string, readonly Made[], string | undefined])[] = [
  ["a sound certificate", [leaf(root)], undefined],
  ["one for clients alone", [leaf(root, { usage: "client" })], undefined],
  ["one for servers alone", [leaf(root, { usage: "server" })], "INVALID_PURPOSE"],
  ["an issuer that is no CA", [leaf(noCa), noCa], "key usage does not include certificate signing"],
  ["a CA below one that allows none", [leaf(below), below, short], "PATH_LENGTH_EXCEEDED"],
  ["a name that its CA may not vouch for", [leaf(elsewhere), elsewhere], "permitted subtree violation"],
  ["a certificate signed with SHA-1", [leaf(root, { sha1: true })], "CA signature digest algorithm too weak"],
  ["an issuer signed with SHA-1", [leaf(sha1), sha1], "CA signature digest algorithm too weak"],
  ["RSA of 1,024 bits", [leaf(root, { keys: makeKeys("rsa", 1024) })], "EE certificate key too weak"],
  ["an intermediate with RSA of 1,024 bits", [leaf(weak), weak], "CA certificate key too weak"],
  ["a root with RSA of 1,024 bits", [leaf(weakRoot)], "CA certificate key too weak"],
  ["a leaf that signed itself and stands in the bundle", [pinned], "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["one that has ended", [leaf(root, { begins: -2 * HOUR_MS, ends: -1_000 })], "CERT_HAS_EXPIRED"],
  ["one of tomorrow", [leaf(root, { begins: HOUR_MS, ends: 2 * HOUR_MS })], "CERT_NOT_YET_VALID"],
];

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  for (const [what, chain, detail] of rows) {
    test(`${version}: ${what}: ${detail ?? "secured"}`, async () => {
      const result = await handshakes.with(chain, version);
      const seen = !result.secured && "detail" in result.failure ? result.failure : undefined;
      assert.deepEqual([result.secured, seen?.detail], [detail === undefined, detail]);
      if (seen !== undefined) assert.equal(seen.end, "refused");
    });
  }
}
