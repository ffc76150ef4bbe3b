import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { checkCredentials } from "../../../src/tls/credentials/check-credentials.ts";
import { TrustStore } from "../../../src/tls/trust/trust.ts";
import { listPem, makeCertificate, makeList, type Made } from "../../support/mesh/certificates.ts";

const root = makeCertificate({ subject: "root", ca: true });
const intermediate = makeCertificate({ subject: "intermediate", issuer: root, ca: true });
const own = makeCertificate({ subject: "foo", issuer: root, dns: ["foo"] });
const leaf = (issuer: Made): Made => makeCertificate({ subject: "edge", issuer, dns: ["edge"] });
const parsed = ({ certPem }: Made): X509Certificate => new X509Certificate(certPem);

function storeOf(bundle: readonly Made[], lists: readonly Buffer[] = []): TrustStore {
  const files = { cert: "tls.crt", key: "tls.key", ca: "ca.crt", ...(lists.length > 0 && { crl: "ca.crl" }) };
  const texts = {
    cert: own.certPem,
    key: own.keyPem,
    ca: bundle.map(({ certPem }) => certPem).join(""),
    ...(lists.length > 0 && { crl: lists.map(listPem).join("") }),
  };
  return new TrustStore(checkCredentials(files, texts, 1, Date.now()));
}

test("judgeAlone() finds good what the bundle vouches for without anything else, and leaves the rest to what came with it", () => {
  const direct = parsed(leaf(root));
  const below = parsed(leaf(intermediate));
  const now = Date.now();
  assert.equal(storeOf([root]).judgeAlone(direct, now), "good");
  assert.equal(storeOf([root, intermediate]).judgeAlone(below, now), "good");
  assert.equal(storeOf([root]).judgeAlone(below, now), "undecided");
  assert.equal(storeOf([root]).judge([below, parsed(intermediate)], now), undefined);
  assert.equal(storeOf([root]).judgeAlone(direct, direct.validToDate.getTime() + 1), "undecided");
});

test("judgeAlone() has the last word on a certificate that its issuer has revoked, and none where a CA above is", () => {
  const revoked = parsed(leaf(root));
  const below = parsed(leaf(intermediate));
  const now = Date.now();
  const ofRoot = (...of: readonly X509Certificate[]): Buffer =>
    makeList(
      root,
      of.map(({ serialNumber }) => serialNumber),
    );
  assert.equal(storeOf([root], [ofRoot(revoked)]).judgeAlone(revoked, now), "certificate-revoked");
  assert.equal(storeOf([root], [ofRoot()]).judgeAlone(revoked, now), "good");
  const lists = [ofRoot(parsed(intermediate)), makeList(intermediate)];
  assert.equal(storeOf([root, intermediate], lists).judgeAlone(below, now), "undecided");
});
