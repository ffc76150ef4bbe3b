/** Names that mean to be taken for others: what a certificate says is compared letter by letter, or is no name at all. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { buildPrincipalSet, matchPrincipal } from "../../src/policy/principal.ts";
import { sansOf } from "../../src/tls/x509/identity.ts";
import { makeCertificate } from "../support/mesh/certificates.ts";
import { der, octets, oid, sequence, set } from "../support/mesh/der-writer.ts";

const LISTED = ["gw.mesh.test", "spiffe://mesh.test/gw", "xn--bcher-kva.test"];
const principals = buildPrincipalSet(LISTED);
const root = makeCertificate({ subject: "root", ca: true });

const dns = (name: string): Buffer => der(0x82, Buffer.from(name, "latin1"));
const uri = (name: string): Buffer => der(0x86, Buffer.from(name, "latin1"));

/** The listed name that a certificate with these names is let in for. */
function matched(...names: readonly Buffer[]): string | undefined {
  const { certPem } = makeCertificate({
    subject: "gw.mesh.test",
    issuer: root,
    extensions: [["2.5.29.17", false, sequence(...names)]],
  });
  return matchPrincipal(principals, sansOf(new X509Certificate(certPem)));
}

test("a listed name is found among a thousand others, wherever it stands, and a thousand others are none", () => {
  const others = Array.from({ length: 999 }, (_, index) => dns(`gw${index}.mesh.test`));
  assert.equal(matched(...others, dns("gw.mesh.test")), "gw.mesh.test");
  assert.equal(matched(uri("spiffe://mesh.test/gw"), ...others), "spiffe://mesh.test/gw");
  assert.equal(matched(...others), undefined);
});

const strangers: readonly (readonly [string, readonly Buffer[]])[] = [
  [
    "upper case",
    [dns("GW.MESH.TEST"), dns("Gw.mesh.test"), uri("spiffe://MESH.test/gw"), uri("SPIFFE://mesh.test/gw")],
  ],
  ["a trailing dot", [dns("gw.mesh.test."), uri("spiffe://mesh.test./gw"), uri("spiffe://mesh.test/gw/")]],
  ["a leading dot or blank", [dns(".gw.mesh.test"), dns(" gw.mesh.test"), dns("gw.mesh.test ")]],
  ["a NUL and what follows", [dns("gw.mesh.test\0"), dns("gw.mesh.test\0.evil.test"), uri("spiffe://mesh.test/gw\0")]],
  ["a line break", [dns("gw.mesh.test\n"), dns("evil.test\r\ngw.mesh.test")]],
  ["quotes, commas and what Node's text form would make of them", [dns("x, DNS:gw.mesh.test"), dns('"gw.mesh.test"')]],
  ["a name that holds another after a separator", [dns("evil.test;gw.mesh.test"), dns("evil.test|gw.mesh.test")]],
  ["a twin of the other type", [uri("gw.mesh.test"), dns("spiffe://mesh.test/gw"), uri("dns:gw.mesh.test")]],
  ["a wildcard", [dns("*.mesh.test"), dns("*"), uri("spiffe://mesh.test/*")]],
  ["IDNA in another form", [dns("b\xfccher.test"), dns("b\xc3\xbccher.test"), dns("XN--BCHER-KVA.test")]],
  [
    "percent signs and paths that a resolver would fold",
    [uri("spiffe://mesh.test/%67w"), uri("spiffe://mesh.test/x/../gw")],
  ],
  [
    "a port, a user, a query",
    [uri("spiffe://mesh.test:443/gw"), uri("spiffe://a@mesh.test/gw"), uri("spiffe://mesh.test/gw?a")],
  ],
  [
    "an address, e-mail, directory and other name with these bytes",
    [
      der(0x87, Buffer.from([103, 119, 46, 109])),
      der(0x81, Buffer.from("gw.mesh.test")),
      der(0xa4, sequence(set(sequence(oid("2.5.4.3"), der(0x0c, Buffer.from("gw.mesh.test")))))),
      der(0xa0, oid("1.3.6.1.4.1.311.20.2.3"), der(0xa0, der(0x0c, Buffer.from("gw.mesh.test")))),
    ],
  ],
  ["an empty name", [dns(""), uri("")]],
  ["constructed encodings of a name", [der(0xa2, octets(Buffer.from("gw.mesh.test")))]],
];

for (const [what, names] of strangers) {
  test(`${what}: nobody of the list`, () => {
    for (const name of names) assert.equal(matched(name), undefined, name.toString("latin1"));
    // And beside them the true one is still itself.
    assert.equal(matched(...names, dns("gw.mesh.test")), "gw.mesh.test");
  });
}

test("the common name is nobody", () => {
  assert.equal(matched(dns("other.test")), undefined);
});

test("names behind what cannot be read are none, and none before it either", () => {
  assert.equal(matched(dns("gw.mesh.test"), Buffer.from([0x82, 0x7f, 0x41])), undefined);
});
