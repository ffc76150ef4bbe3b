import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import type { ExpiredLists } from "../../../src/config/config.ts";
import { checkCredentials } from "../../../src/tls/credentials/check-credentials.ts";
import { credentialsFault, lifeStage } from "../../../src/tls/credentials/credentials-life.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { splitPem } from "../../../src/tls/x509/pem.ts";
import { replacementOf } from "../../../src/tls/credentials/replacement.ts";
import { listPem, makeCertificate, makeKeys, makeList, type Made } from "../../support/mesh/certificates.ts";

const HOUR_MS = 3_600_000;
const root = makeCertificate({ subject: "root", ca: true });
const otherRoot = makeCertificate({ subject: "other", ca: true });
const inter = makeCertificate({ subject: "inter", ca: true, issuer: root });
const weakRoot = makeCertificate({ subject: "weak", ca: true, keys: makeKeys("rsa", 1024) });
const own = makeCertificate({ subject: "foo", issuer: root, dns: ["foo"], usage: "server" });
const files = { cert: "tls.crt", key: "tls.key", ca: "ca.crt", crl: "--tls-crl ca.crl" };

interface Texts {
  readonly pair?: Made;
  readonly cert?: readonly Made[];
  readonly ca?: readonly Made[];
  readonly crl?: string;
  readonly expiredLists?: ExpiredLists;
}

function check({ pair = own, cert = [pair], ca = [root], crl, expiredLists }: Texts): Credentials {
  const joined = (certificates: readonly Made[]): string => certificates.map(({ certPem }) => certPem).join("");
  const texts = { cert: joined(cert), key: pair.keyPem, ca: joined(ca), ...(crl !== undefined && { crl }) };
  return checkCredentials({ ...files, ...(expiredLists !== undefined && { expiredLists }) }, texts, 1, Date.now());
}

const subjects = (pem: string): readonly string[] =>
  splitPem(pem).map((block) => new X509Certificate(block).subject.replace("CN=", ""));

test("a root is never sent along with our certificate; an intermediate is, wherever it stands", () => {
  const below = makeCertificate({ subject: "foo", issuer: inter, dns: ["foo"] });
  assert.deepEqual(subjects(check({ cert: [own, root] }).cert), ["foo"]);
  assert.deepEqual(subjects(check({ pair: below, cert: [below, inter, root] }).cert), ["foo", "inter"]);
  assert.deepEqual(subjects(check({ pair: below, ca: [root, inter] }).cert), ["foo", "inter"]);
});

const refused: readonly (readonly [string, Texts, RegExp])[] = [
  [
    "a leaf for CA, even one that signed itself",
    { ca: [makeCertificate({ subject: "leaf" })] },
    /ca\.crt holds no CA cert/,
  ],
  ["a root with a weak key alone", { ca: [weakRoot] }, /ca\.crt holds no root that may vouch.*'CN=weak'.*too weak/],
  [
    "a root for servers alone",
    { ca: [makeCertificate({ subject: "servers", ca: true, usage: "server" })] },
    /ca\.crt holds no root that may vouch.*may not issue client certificates/,
  ],
  ["an intermediate alone", { ca: [inter] }, /ca\.crt holds no root, only 'CN=inter'/],
  [
    "a root that has ended",
    { ca: [makeCertificate({ subject: "root", ca: true, begins: -2 * HOUR_MS, ends: -1_000 })] },
    /ca\.crt holds no root that is in date/,
  ],
  ["a pair that does not match", { pair: otherRoot, cert: [own] }, /tls\.key does not belong to/],
  [
    "a certificate of our own that has ended",
    { pair: makeCertificate({ subject: "foo", issuer: root, begins: -2 * HOUR_MS, ends: -1_000 }) },
    /tls\.crt ended on/,
  ],
  [
    "a key that is too weak",
    { pair: makeCertificate({ subject: "foo", issuer: root, keys: makeKeys("rsa", 1024) }) },
    /too small/,
  ],
  ["no list at all", { crl: "" }, /ca\.crl holds no list/],
  ["garbage that looks like DER", { crl: "0\x82garbage" }, /ca\.crl cannot be parsed as DER/],
  ["half a list", { crl: makeList(root).subarray(0, 60).toString("latin1") }, /ca\.crl cannot be parsed/],
  [
    "a file of lists of which the second is cut off",
    { crl: (listPem(makeList(root)) + listPem(makeList(root, ["0A"]))).slice(0, -40) },
    /ca\.crl cannot be used: a PEM block is cut off/,
  ],
  [
    "a file of lists of which the second holds what is no base64",
    { crl: listPem(makeList(root)) + listPem(makeList(root, ["0A"])).replace(/M/, "?") },
    /ca\.crl cannot be used: a PEM block is cut off, or holds what is no base64/,
  ],
  [
    "a list as DER behind one as PEM",
    { crl: listPem(makeList(root)) + makeList(root, ["0A"]).toString("latin1") },
    /ca\.crl cannot be used: bytes that are no text/,
  ],
  [
    "a list in the name of a CA and not by its key",
    { crl: listPem(makeList({ subject: "root", keys: makeKeys() })) },
    /List 1 in --tls-crl ca\.crl names CN=root and is not signed by it/,
  ],
  [
    "a list of CA certificates alone",
    { crl: listPem(makeList(root, [], { extensions: [["2.5.29.28", true, Buffer.from("30038201ff", "hex")]] })) },
    /List 1 .* issuingDistributionPoint leaves certificates out/,
  ],
  [
    "a list that holds only what has changed",
    { crl: listPem(makeList(root, [], { extensions: [["2.5.29.27", true, Buffer.from("020101", "hex")]] })) },
    /List 1 .* is a delta list/,
  ],
  [
    "a list with a critical extension that nobody knows",
    { crl: listPem(makeList(root, [], { extensions: [["1.2.3.4", true, Buffer.from("0500", "hex")]] })) },
    /List 1 .* critical extension 1\.2\.3\.4 is not known/,
  ],
  [
    "a list of tomorrow",
    { crl: listPem(makeList(root, [], { begins: HOUR_MS, ends: 2 * HOUR_MS })) },
    /List 1 .* begins on/,
  ],
];

for (const [what, texts, message] of refused) {
  test(`refused, in words: ${what}`, () => {
    assert.throws(() => check(texts), { name: "CredentialsError", message });
  });
}

test("what is no use in a bundle is named and left out", () => {
  const credentials = check({
    ca: [
      root,
      makeCertificate({ subject: "leaf" }),
      makeCertificate({ subject: "stray", ca: true, issuer: otherRoot }),
    ],
  });
  assert.equal(credentials.warnings.length, 2);
  assert.match(credentials.warnings[0]!, /'CN=leaf'.* is no CA/);
  assert.match(credentials.warnings[1]!, /'CN=stray'.* without its root/);
});

test("a root that vouches for nobody is named beside one that does", () => {
  const { warnings } = check({ ca: [root, weakRoot] });
  assert.ok(
    warnings.some((warning) => /holds the root 'CN=weak'.*too weak.*: nobody is trusted for its sake/.test(warning)),
    warnings.join("; "),
  );
});

test("every list of a file counts: PEM and DER, of roots and of an intermediate that is not in the bundle", () => {
  const lists = [makeList(root, ["0A"]), makeList(otherRoot, ["0B", "FF01"]), makeList(inter, ["0C"])];
  const ca = [root, otherRoot];
  const forms = [lists.map(listPem).join("some comment\n"), Buffer.concat(lists).toString("latin1")];
  for (const crl of forms) {
    const credentials = check({ ca, crl });
    assert.deepEqual(
      credentials.lists.map(({ serials }) => [...serials]),
      [["0A"], ["0B", "FF01"], ["0C"]],
    );
    assert.match(credentials.warnings.join(), /list 3 .* of a CA that is not in the bundle/);
  }
});

test("the digest of trust follows CAs and serial numbers, and nothing else", () => {
  const crl = listPem(makeList(root, ["0A", "0B"]));
  const digest = check({ crl }).trust;
  const renewed = makeCertificate({ subject: "foo", issuer: root });
  assert.equal(
    check({ pair: renewed, crl: listPem(makeList(root, ["0B", "0A"], { ends: 2 * HOUR_MS })) }).trust,
    digest,
  );
  for (const other of [
    check({ crl: listPem(makeList(root, ["0A"])) }),
    check({ crl, ca: [root, otherRoot] }),
    check({}),
  ])
    assert.notEqual(other.trust, digest);
});

const later = makeCertificate({ subject: "foo", issuer: root, begins: HOUR_MS, ends: 2 * HOUR_MS });

test("a certificate that is not valid yet replaces none that is, and the trust beside it is taken at once", () => {
  const current = check({ ca: [root, otherRoot] });
  const { credentials, fault } = replacementOf(current, check({ pair: later }), files, Date.now());
  assert.deepEqual(
    [credentials?.cert, credentials?.key, credentials?.notAfter],
    [current.cert, current.key, current.notAfter],
  );
  assert.deepEqual(subjects(credentials!.ca), ["root"]);
  assert.match(fault!.message, /tls\.crt is not valid before .*: the certificate of before is shown until then/);
});

test("it replaces one that is no better, and any once its day has come", () => {
  const next = check({ pair: later });
  const waiting = check({
    pair: makeCertificate({ subject: "foo", issuer: root, begins: HOUR_MS, ends: 3 * HOUR_MS }),
  });
  assert.deepEqual(replacementOf(waiting, next, files, Date.now()), { credentials: next });
  assert.deepEqual(replacementOf(check({}), next, files, Date.now() + HOUR_MS + 1_000), { credentials: next });
});

test("a list that has ended replaces none that has not, unless that is asked for", () => {
  const ended = { crl: listPem(makeList(root, [], { ends: -1_000 })) };
  const current = { crl: listPem(makeList(root)) };
  assert.throws(
    () => replacementOf(check(current), check(ended), files, Date.now()),
    /ca\.crl holds a list that was to be replaced/,
  );
  assert.ok(replacementOf(check(ended), check(ended), files, Date.now()).credentials === undefined);
  const accepted = check({ ...ended, expiredLists: "accept" });
  assert.equal(replacementOf(check(current), accepted, files, Date.now()).credentials, accepted);
});

test("the life of a certificate: a third and a tenth of it are told apart, to the millisecond", () => {
  const life = { notBefore: 0, notAfter: 3_000 };
  const stages = ([-1, 0, 1_999, 2_000, 2_699, 2_700, 3_000, 3_001] as const).map((now) => lifeStage(life, now));
  assert.deepEqual(stages, ["not-yet-valid", "good", "good", "third", "third", "tenth", "tenth", "ended"]);
});

test("what keeps the sidecar from being ready: dates of our certificate, and of lists unless they are accepted", () => {
  const now = Date.now();
  assert.equal(credentialsFault(check({ pair: later }), now), "the certificate is not valid yet");
  assert.equal(credentialsFault(check({}), now + 2 * HOUR_MS), "the certificate has ended");
  const crl = listPem(makeList(root, [], { ends: 1_000 }));
  assert.equal(credentialsFault(check({ crl }), now), undefined);
  assert.equal(credentialsFault(check({ crl }), now + 3_000), "a revocation list has ended");
  assert.equal(credentialsFault(check({ crl, expiredLists: "accept" }), now + 3_000), undefined);
});

test("refused, in words: a bundle, and a chain, whose last certificate is cut off", () => {
  const origin = { cert: "--tls-cert tls.crt", key: "--tls-key tls.key", ca: "--tls-ca ca.crt" };
  const texts = { cert: own.certPem, key: own.keyPem, ca: root.certPem };
  const cutOff = otherRoot.certPem.trim().slice(0, -30);
  const message = /cannot be used: a PEM block is cut off/;
  assert.throws(() => checkCredentials(origin, { ...texts, ca: texts.ca + cutOff }, 1, Date.now()), { message });
  assert.throws(() => checkCredentials(origin, { ...texts, cert: texts.cert + cutOff }, 1, Date.now()), { message });
});

test("a list that says only where it is found, and extensions that are not critical, count", () => {
  const where = Buffer.from("3006a004a0028600", "hex");
  const extensions = [
    ["2.5.29.28", true, where],
    ["1.2.3.4", false, Buffer.from("0500", "hex")],
  ] as const;
  const { lists } = check({ crl: listPem(makeList(root, ["0A"], { extensions })) });
  assert.deepEqual([...lists[0]!.serials], ["0A"]);
});

test("our own certificate that is not said to be a server's is used, and warned of", () => {
  const warned = (pair: Made): readonly string[] => check({ pair }).warnings;
  const common = { subject: "foo", issuer: root, dns: ["foo"] };
  assert.deepEqual(warned(own), []);
  assert.match(
    warned(makeCertificate({ ...common, usage: "client" })).join(),
    /^tls\.crt has an .* without serverAuth: /,
  );
  assert.match(warned(makeCertificate(common)).join(), /^tls\.crt names no extended key usage: .* with serverAuth$/);
});
