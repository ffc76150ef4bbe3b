import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import {
  AuthorityError,
  readAuthority,
  type AuthorityTexts,
} from "../../../src/controller/certificate-authority/authority.ts";
import { createAuthority } from "../../../src/controller/certificate-authority/create-authority.ts";
import { issueCertificate } from "../../../src/controller/certificate-authority/issue.ts";
import { generateKeys } from "../../../src/controller/certificate-authority/keys.ts";
import { createAuthority as createRsaAuthority } from "../../../src/pki/authority.ts";
import { splitPem } from "../../../src/tls/x509/pem.ts";
import { TestAuthority } from "../../support/mesh/authority.ts";

const DAY = 86_400_000;
const now = Date.now();

async function issue(
  texts: AuthorityTexts,
  validityMs = DAY,
  name = "shop.test.cluster.local",
): Promise<readonly X509Certificate[]> {
  const authority = await readAuthority("Secret a/b", texts, now);
  const { publicKey } = await generateKeys();
  const usages = ["server", "client"] as const;
  const chain = await issueCertificate(authority, { names: [name], publicKey, usages, validityMs, now });
  return splitPem(chain).map((pem) => new X509Certificate(pem));
}

test("a CA that was made here signs what OpenSSL verifies", async () => {
  const texts = await createAuthority({ meshName: "osm", now, validityMs: 365 * DAY });
  const [leaf, ...rest] = await issue(texts);
  const root = new X509Certificate(texts.cert);
  assert.deepEqual(rest, [], "the root is not sent");
  assert.ok(leaf!.checkIssued(root) && leaf!.verify(root.publicKey));
  assert.match(leaf!.subject, /CN=shop\.test\.cluster\.local/);
  assert.equal(leaf!.ca, false);
  assert.ok(root.ca && root.verify(root.publicKey));
});

test("two CAs of one mesh have names of their own", async () => {
  const options = { meshName: "osm", now, validityMs: DAY };
  const [one, two] = [await createAuthority(options), await createAuthority(options)];
  assert.notEqual(new X509Certificate(one.cert).subject, new X509Certificate(two.cert).subject);
});

test("a name that is too long for a common name stands in the SAN alone", async () => {
  const name = `${"a".repeat(60)}.${"b".repeat(60)}.cluster.local`;
  const [leaf] = await issue(await createAuthority({ meshName: "osm", now, validityMs: 365 * DAY }), DAY, name);
  assert.doesNotMatch(leaf!.subject, /CN=/);
  assert.equal(leaf!.subjectAltName, `DNS:${name}`);
});

test("no certificate outlives its CA", async () => {
  const texts = await createAuthority({ meshName: "osm", now, validityMs: 3_600_000 });
  const [leaf] = await issue(texts);
  assert.deepEqual(leaf!.validToDate, new X509Certificate(texts.cert).validToDate);
});

test("an RSA root signs too", async () => {
  const { certPem, keyPem } = createRsaAuthority();
  const [leaf] = await issue({ cert: certPem, key: keyPem });
  assert.ok(leaf!.verify(new X509Certificate(certPem).publicKey));
});

test("a self-signed CA as cert-manager writes it signs: its key in SEC 1, itself as ca.crt", async () => {
  const { cert, key } = await createAuthority({ meshName: "osm", now, validityMs: 365 * DAY });
  const sec1 = createPrivateKey(key).export({ type: "sec1", format: "pem" }).toString();
  assert.match(sec1, /BEGIN EC PRIVATE KEY/);
  const texts = { cert, key: sec1, ca: cert };
  const [leaf, ...rest] = await issue(texts);
  assert.deepEqual(rest, []);
  assert.ok(leaf!.verify(new X509Certificate(cert).publicKey));
  assert.equal((await readAuthority("Secret a/b", texts, now)).roots.length, 1);
});

test("an intermediate is sent behind what it signs, and its root is what is trusted", async () => {
  const root = await TestAuthority.create();
  const { certPem, keyPem } = await (await root.intermediate()).authorityPair();
  const [leaf, above, ...rest] = await issue({ cert: certPem, key: keyPem, ca: root.certPem });
  assert.equal(rest.length, 0);
  assert.ok(leaf!.verify(above!.publicKey));
  const { roots } = await readAuthority("Secret a/b", { cert: certPem, key: keyPem, ca: root.certPem }, now);
  assert.deepEqual(
    roots.map((pem) => new X509Certificate(pem).subject),
    ["CN=test mesh CA"],
  );
});

test("what cannot sign is refused, with what was expected", async () => {
  const root = await TestAuthority.create();
  const other = await TestAuthority.create("CN=other");
  const rootPair = await root.authorityPair();
  const otherPair = await other.authorityPair();
  const middle = await (await root.intermediate()).authorityPair();
  const leaf = await root.issue();
  const refused: readonly (readonly [AuthorityTexts, RegExp, number?])[] = [
    [{ cert: "", key: rootPair.keyPem }, /tls\.crt holds no certificate/],
    [{ cert: rootPair.certPem, key: "x" }, /tls\.key cannot be used/],
    [{ cert: rootPair.certPem, key: otherPair.keyPem }, /does not belong/],
    [{ cert: leaf.certPem, key: leaf.keyPem }, /is no CA/],
    [{ cert: middle.certPem, key: middle.keyPem }, /add it to ca\.crt/],
    [{ cert: middle.certPem, key: middle.keyPem, ca: other.certPem }, /add it to ca\.crt/],
    [{ cert: rootPair.certPem, key: rootPair.keyPem }, /the CA ended on/, now + 2 * DAY],
  ];
  for (const [texts, expected, at = now] of refused)
    await assert.rejects(readAuthority("Secret a/b", texts, at), (error: unknown) => {
      assert.ok(error instanceof AuthorityError);
      assert.match(error.message, expected);
      assert.match(error.message, /^Secret a\/b: /);
      return true;
    });
});
