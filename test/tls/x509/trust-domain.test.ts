import assert from "node:assert/strict";
import { test } from "node:test";
import type { San } from "../../../src/policy/decision.ts";
import { trustDomainOf, vouchedNames, vouchingDomain, workloadDomainOf } from "../../../src/tls/x509/trust-domain.ts";

const dns = (value: string): San => ({ type: "dns", value });
const uri = (value: string): San => ({ type: "uri", value });

test("a SPIFFE ID has one trust domain; what bends the form has none", () => {
  for (const id of [
    "spiffe://a.test",
    "spiffe://a.test/...",
    "spiffe://a.test/.b/c..",
    "spiffe://a.test/ns/b/sa/C_d.e-f",
  ])
    assert.equal(trustDomainOf(id), "a.test", id);
  const bent = ["SPIFFE://a.test/b", "spiffe://A.test/b", "spiffe://a.test:80/b", "spiffe://u@a.test/b", "spiffe:///b"];
  const more = ["spiffe://a.test/b?c", "spiffe://a.test/b#c", "spiffe://a.test/%62", "https://a.test/b", "a.test", ""];
  const segments = ["/", "//b", "/b//c", "/b/", "/.", "/..", "/./b", "/../b", "/b/..", "/b/./c"];
  for (const id of [...bent, ...more, ...segments.map((path) => `spiffe://a.test${path}`)]) {
    assert.equal(trustDomainOf(id), undefined, id);
    assert.equal(workloadDomainOf(id), undefined, id);
    if (id.startsWith("spiffe:")) assert.equal(vouchingDomain([uri(id)], "a.test"), undefined, id);
  }
});

test("the ID of a trust domain is nobody's who calls", () => {
  assert.equal(workloadDomainOf("spiffe://a.test"), undefined);
  assert.equal(vouchingDomain([uri("spiffe://a.test")], "a.test"), undefined);
  assert.equal(workloadDomainOf("spiffe://a.test/b"), "a.test");
});

test("who must vouch: the trust domain of the one SPIFFE ID, our own without one, nobody where it is ambiguous", () => {
  assert.equal(vouchingDomain([dns("a")], "own.test"), "own.test");
  assert.equal(vouchingDomain([uri("https://a")], "own.test"), "own.test");
  assert.equal(vouchingDomain([dns("a"), uri("spiffe://b.test/c")], "own.test"), "b.test");
  assert.equal(vouchingDomain([uri("spiffe://b.test/c"), uri("spiffe://own.test/c")], "own.test"), undefined);
  assert.equal(vouchingDomain([uri("https://a"), uri("spiffe://own.test/c")], "own.test"), undefined);
  assert.equal(vouchingDomain([uri("SPIFFE://own.test/c")], "own.test"), undefined);
});

test("another trust domain's DNS names are no names here", () => {
  const names = [dns("gw.test"), uri("spiffe://b.test/c")];
  assert.deepEqual(vouchedNames(names, "own.test"), [uri("spiffe://b.test/c")]);
  assert.deepEqual(vouchedNames(names, "b.test"), names);
  assert.deepEqual(vouchedNames([dns("gw.test")], "own.test"), [dns("gw.test")]);
});
