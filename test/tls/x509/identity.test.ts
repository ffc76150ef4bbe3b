import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { before, test } from "node:test";
import fc from "fast-check";
import { formatClientCert } from "../../../src/tls/client-cert-header.ts";
import { readChildren, readElement } from "../../../src/tls/x509/der.ts";
import { identityOf, sansOf } from "../../../src/tls/x509/identity.ts";
import { TestAuthority } from "../../support/mesh/authority.ts";

let authority: TestAuthority;

before(async () => {
  authority = await TestAuthority.create();
});

async function certificate(...sans: string[]): Promise<X509Certificate> {
  return new X509Certificate((await authority.issue({ sans })).certPem);
}

test("DNS and URI names come out typed, verbatim and in order; other kinds are no names", async () => {
  const sans = ["dns:b.test", "uri:spiffe://td/a", "ip:10.0.0.1", "email:a@b", "dns:a.test", "dns:*.test"];
  assert.deepEqual(sansOf(await certificate(...sans)), [
    { type: "dns", value: "b.test" },
    { type: "uri", value: "spiffe://td/a" },
    { type: "dns", value: "a.test" },
    { type: "dns", value: "*.test" },
  ]);
  assert.deepEqual(sansOf(await certificate()), []);
});

test("a name that holds commas, quotes or what looks like another name stays one name", async () => {
  for (const value of ["x, DNS:gw.test", 'a"b', "a\\b", "dns:gw.test", "a;b=c"])
    assert.deepEqual(sansOf(await certificate(`dns:${value}`)), [{ type: "dns", value }]);
});

test("a name with a byte outside visible ASCII is no name; others beside it are", async () => {
  for (const value of ["gw.test\0.evil", "gw.test\n", "gw\u00e4.test", "gw .test\u007f"])
    assert.deepEqual(
      sansOf(await certificate("dns:gw.test", `dns:${value}`)),
      [{ type: "dns", value: "gw.test" }],
      value,
    );
});

test("the fingerprint is that of the DER", async () => {
  const x509 = await certificate("dns:a.test");
  assert.equal(identityOf(x509.raw).fingerprint, x509.fingerprint256.replaceAll(":", "").toLowerCase());
});

test("x-forwarded-client-cert: hash, then URIs, then DNS names, quoted where Envoy quotes", () => {
  const sans = [
    { type: "dns", value: "a.test" },
    { type: "uri", value: "spiffe://td/a;b" },
    { type: "dns", value: 'x",y=\\' },
  ] as const;
  assert.equal(
    formatClientCert({ fingerprint: "ab", sans, notAfter: 0 }),
    String.raw`Hash=ab;URI="spiffe://td/a;b";DNS=a.test;DNS="x\",y=\"`,
  );
});

test("garbage for DER is a RangeError or elements inside it, never a read beyond or a loop", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (der) => {
      try {
        const element = readElement(der, 0, der.length);
        assert.ok(element.start <= element.end && element.end <= der.length);
        for (const child of readChildren(der, element)) assert.ok(child.end <= element.end);
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
      }
    }),
    { numRuns: 5_000 },
  );
});
