import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCredentials } from "../../../src/tls/credentials/check-credentials.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { textsOf } from "../../../src/tls/spiffe/svid-texts.ts";
import { makeCertificate, makeKeys, makeList } from "../../support/mesh/certificates.ts";
import { derOf, svidOf, type Message } from "../../support/workload-api/workload-api.ts";

const ID = "spiffe://here.test/ns/test/sa/foo";
const root = makeCertificate({ subject: "here", ca: true });
const inter = makeCertificate({ subject: "inter", ca: true, issuer: root });
const other = makeCertificate({ subject: "there", ca: true });
const leaf = makeCertificate({ subject: "foo", issuer: inter, uris: [ID], usage: "server" });
const svid = svidOf(ID, [leaf, inter], [root]);

function check({ svids, crl = [], federated_bundles = {} }: Message): Credentials {
  const { origin, texts } = textsOf("unix:/agent.sock", { svids, crl, federated_bundles });
  return checkCredentials(origin, texts, 1, Date.now());
}

test("a message becomes our certificate with its chain, and a trust domain with its roots; the first SVID counts", () => {
  const second = svidOf("spiffe://here.test/b", [makeCertificate({ subject: "b", issuer: root })], [root]);
  const credentials = check({ svids: [svid, second] });
  assert.deepEqual(credentials.names, [`uri:${ID}`]);
  assert.equal(derOf(credentials.cert).toString("hex"), svid.x509_svid.toString("hex"));
  assert.deepEqual([credentials.trustDomains?.own, credentials.trustDomains?.anchors.size], ["here.test", 1]);
  assert.deepEqual([credentials.warnings, credentials.lists], [[], []]);
});

test("each federated bundle is a trust domain of its own, and one that cannot be used is named and left out", () => {
  const { trustDomains, warnings, trust } = check({
    svids: [svid],
    federated_bundles: {
      "spiffe://there.test": derOf(other.certPem),
      "spiffe://empty.test": Buffer.alloc(0),
      "spiffe://rubbish.test": Buffer.from("rubbish"),
      "spiffe://here.test": derOf(other.certPem),
      "https://there.test": derOf(other.certPem),
    },
  });
  assert.deepEqual([...trustDomains!.anchors.keys()].toSorted(), ["here.test", "there.test"]);
  assert.equal(warnings.length, 4);
  assert.match(
    warnings[0]!,
    /federated bundle of spiffe:\/\/empty\.test .* is empty.*nobody of that trust domain is trusted/,
  );
  assert.notEqual(trust, check({ svids: [svid] }).trust);
});

test("revocation lists of the message are in force", () => {
  const credentials = check({ svids: [svid], crl: [makeList(root, ["0A"]), makeList(inter)] });
  assert.deepEqual(
    credentials.lists.map(({ serials }) => [...serials]),
    [["0A"], []],
  );
});

const refused: readonly (readonly [string, Message, RegExp])[] = [
  ["no SVID", { svids: [] }, /unix:\/agent\.sock sent no X\.509-SVID/],
  ["an empty bundle", { svids: [{ ...svid, bundle: Buffer.alloc(0) }] }, /^bundle of spiffe:.* is empty/],
  ["no certificate", { svids: [{ ...svid, x509_svid: Buffer.alloc(0) }] }, /^X\.509-SVID of .* is empty/],
  ["no key", { svids: [{ ...svid, x509_svid_key: Buffer.alloc(0) }] }, /^key of .* cannot be used/],
  ["garbage for a certificate", { svids: [{ ...svid, x509_svid: Buffer.from("x") }] }, /Certificate 1 in X\.509-SVID/],
  [
    "garbage behind a certificate",
    { svids: [{ ...svid, bundle: Buffer.concat([svid.bundle, Buffer.from("x")]) }] },
    /Certificate 2 in bundle/,
  ],
  ["a key of another", { svids: [{ ...svid, x509_svid_key: derOf(root.keyPem) }] }, /^key of .* does not belong to/],
  ["an ID that is none", { svids: [{ ...svid, spiffe_id: "foo" }] }, /'foo', which is no SPIFFE ID/],
  ["the ID of a trust domain", { svids: [{ ...svid, spiffe_id: "spiffe://here.test" }] }, /no SPIFFE ID of a workload/],
  ["an ID with a trailing slash", { svids: [{ ...svid, spiffe_id: `${ID}/` }] }, /no SPIFFE ID of a workload/],
  ["an ID that is not the certificate's", { svids: [{ ...svid, spiffe_id: `${ID}/b` }] }, /holds 'spiffe:.*expected/],
  [
    "two IDs in one certificate",
    { svids: [svidOf(ID, [makeCertificate({ subject: "foo", issuer: root, uris: [ID, `${ID}/b`] })], [root])] },
    /expected the SPIFFE ID alone/,
  ],
  [
    "a bundle without a root, whatever other domains have",
    { svids: [svidOf(ID, [leaf, inter], [inter])], federated_bundles: { "spiffe://there.test": derOf(other.certPem) } },
    /holds no root/,
  ],
  [
    "a certificate that has ended",
    {
      svids: [
        svidOf(
          ID,
          [makeCertificate({ subject: "foo", issuer: root, uris: [ID], begins: -9_000, ends: -1_000 })],
          [root],
        ),
      ],
    },
    /ended on/,
  ],
  [
    "a list in the name of a CA and not by its key",
    { svids: [svid], crl: [makeList({ subject: "here", keys: makeKeys() })] },
    /List 1 in revocation lists of .* is not signed by it/,
  ],
];

for (const [what, message, words] of refused) {
  test(`refused, in words: ${what}`, () => {
    assert.throws(() => check(message), { name: "CredentialsError", message: words });
  });
}
