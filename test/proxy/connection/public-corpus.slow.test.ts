/**
 * Chains of the classes that C2SP x509-limbo has, made here, with what that corpus expects of a verifier. It speaks of server
 * certificates; usages are turned round. Each is judged twice: in a handshake by OpenSSL, and as a live connection is. Where
 * we see it otherwise than the corpus the row says so, and docs/certificates.md why.
 */
import assert from "node:assert/strict";
import { hash, X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import { TrustStore } from "../../../src/tls/trust/trust.ts";
import { JudgedHandshakes } from "../../support/caller/judged-handshake.ts";
import {
  makeCertificate,
  makeKeys,
  type CertificateOptions,
  type Keys,
  type Made,
} from "../../support/mesh/certificates.ts";
import { der, octets, oid, sequence, set, text } from "../../support/mesh/der-writer.ts";

const HOUR_MS = 3_600_000;
const ENDED = { begins: -2 * HOUR_MS, ends: -HOUR_MS };
const TOMORROW = { begins: HOUR_MS, ends: 2 * HOUR_MS };
const CLIENT = oid("1.3.6.1.5.5.7.3.2");
const ANY = oid("2.5.29.37.0");
/** No implementation knows it. */
const UNKNOWN: readonly [string, boolean, Buffer] = ["1.3.6.1.4.1.55738.666.1", true, Buffer.alloc(0)];

type Extension = readonly [string, boolean, Buffer];
type Options = Partial<CertificateOptions>;

let count = 0;
const named = (what: string): string => `${what} ${(count += 1)}`;
const rootOf = (options: Options = {}): Made => makeCertificate({ subject: named("root"), ca: true, ...options });
const interOf = (issuer: Made, options: Options = {}): Made =>
  makeCertificate({ subject: named("inter"), ca: true, issuer, ...options });
const leafOf = (issuer: Made, options: Options = {}): Made =>
  makeCertificate({ subject: "edge", issuer, dns: ["example.com"], ...options });

const eku = (critical: boolean, ...usages: readonly Buffer[]): Extension => [
  "2.5.29.37",
  critical,
  sequence(...usages),
];
const dns = (name: string): Buffer => der(0x82, Buffer.from(name));
const uri = (name: string): Buffer => der(0x86, Buffer.from(name));
const address = (...bytes: readonly number[]): Buffer => der(0x87, Buffer.from(bytes));
const directory = (commonName: string): Buffer => der(0xa4, sequence(set(sequence(oid("2.5.4.3"), text(commonName)))));
const sans = (...names: readonly Buffer[]): Extension => ["2.5.29.17", false, sequence(...names)];

/** Subject and authority key identifiers, without which OpenSSL cannot tell two CAs of one name apart. */
function identified(keys: Keys, issuer: Keys): Options {
  const idOf = ({ publicKey }: Keys): Buffer =>
    hash("sha1", publicKey.export({ type: "spki", format: "der" }), "buffer");
  const extensions: readonly Extension[] = [
    ["2.5.29.14", false, octets(idOf(keys))],
    ["2.5.29.35", false, sequence(der(0x80, idOf(issuer)))],
  ];
  return { keys, extensions };
}

/** Name constraints, critical. */
function constraints(kind: "permitted" | "excluded", ...bases: readonly Buffer[]): Extension {
  const subtrees = bases.map((base) => sequence(base));
  return ["2.5.29.30", true, sequence(der(kind === "permitted" ? 0xa0 : 0xa1, ...subtrees))];
}

interface Chains {
  readonly trusted: readonly Made[];
  /** Leaf first. */
  readonly presented: readonly Made[];
}

interface Row {
  /** As the corpus calls it. */
  readonly id: string;
  readonly corpus: "valid" | "invalid";
  /** Where we see it otherwise. */
  readonly here?: "valid" | "invalid";
  readonly make: () => Chains;
}

/** A leaf right below a root. */
const below =
  (root: Options, leaf: Options = {}) =>
  (): Chains => {
    const made = rootOf(root);
    return { trusted: [made], presented: [leafOf(made, leaf)] };
  };

/** A leaf below as many intermediates, topmost first. */
const through =
  (intermediates: readonly Options[], root: Options = {}) =>
  (): Chains => {
    const path = [rootOf(root)];
    for (const options of intermediates) path.unshift(interOf(path[0]!, options));
    return { trusted: [path.at(-1)!], presented: [leafOf(path[0]!), ...path.slice(0, -1)] };
  };

const constrained = (constraint: Extension, ...names: readonly Buffer[]): (() => Chains) =>
  below({ extensions: [constraint] }, { dns: [], ...(names.length > 0 && { extensions: [sans(...names)] }) });

const rows: readonly Row[] = [
  { id: "pathlen::ee-with-intermediate-pathlen-0", corpus: "valid", make: through([{ pathLength: 0 }]) },
  { id: "pathlen::ee-with-intermediate-pathlen-1", corpus: "valid", make: through([{ pathLength: 1 }]) },
  {
    id: "pathlen::intermediate-violates-pathlen-0",
    corpus: "invalid",
    make: through([{ pathLength: 0 }, { pathLength: 0 }]),
  },
  {
    id: "pathlen::intermediate-pathlen-may-increase",
    corpus: "valid",
    make: through([{ pathLength: 1 }, { pathLength: 2 }]),
  },
  {
    id: "pathlen::intermediate-pathlen-too-long",
    corpus: "invalid",
    make: through([{ pathLength: 1 }, { pathLength: 0 }, { pathLength: 0 }]),
  },
  {
    id: "pathlen::self-issued-certs-pathlen",
    corpus: "valid",
    make: () => {
      const [one, two, three, four] = [makeKeys(), makeKeys(), makeKeys(), makeKeys()];
      const root = rootOf(identified(one, one));
      const first = interOf(root, { subject: "ICA", pathLength: 1, ...identified(two, one) });
      const second = interOf(first, { subject: "ICA", pathLength: 1, ...identified(three, two) });
      const third = interOf(second, { pathLength: 0, ...identified(four, three) });
      return { trusted: [root], presented: [leafOf(third, identified(makeKeys(), four)), third, second, first] };
    },
  },
  {
    id: "pathlen::validation-ignores-pathlen-in-leaf",
    corpus: "valid",
    make: () => {
      const root = rootOf();
      const first = interOf(root, { pathLength: 0 });
      const leaf = interOf(first, { pathLength: 0, dns: ["example.com"], keyUsage: "both" });
      return { trusted: [root], presented: [leaf, first] };
    },
  },
  { id: "rfc5280::eku::ee-without-eku", corpus: "valid", make: below({}) },
  { id: "rfc5280::eku::ee-wrong-eku", corpus: "invalid", make: below({}, { usage: "server" }) },
  {
    id: "webpki::eku::ee-anyeku",
    corpus: "invalid",
    here: "valid",
    make: below({}, { extensions: [eku(false, CLIENT, ANY)] }),
  },
  {
    id: "webpki::eku::ee-anyeku, any alone",
    corpus: "invalid",
    make: below({}, { extensions: [eku(false, ANY)] }),
  },
  {
    id: "webpki::eku::ee-critical-eku",
    corpus: "invalid",
    here: "valid",
    make: below({}, { extensions: [eku(true, CLIENT)] }),
  },
  { id: "webpki::eku::root-has-eku", corpus: "invalid", here: "valid", make: below({ usage: "client" }) },
  {
    id: "rfc5280::ee-empty-issuer",
    corpus: "invalid",
    make: () => {
      const root = rootOf();
      return { trusted: [root], presented: [leafOf({ ...root, subject: "" })] };
    },
  },
  { id: "rfc5280::ca-empty-subject", corpus: "invalid", here: "valid", make: below({ subject: "" }) },
  {
    id: "rfc5280::ca-empty-subject, in a CA that leads nowhere and is brought along",
    corpus: "valid",
    make: () => {
      const root = rootOf();
      return { trusted: [root], presented: [leafOf(root), interOf(rootOf(), { subject: "" })] };
    },
  },
  { id: "rfc5280::unknown-critical-extension-ee", corpus: "invalid", make: below({}, { extensions: [UNKNOWN] }) },
  { id: "rfc5280::unknown-critical-extension-root", corpus: "invalid", make: below({ extensions: [UNKNOWN] }) },
  {
    id: "rfc5280::unknown-critical-extension-intermediate",
    corpus: "invalid",
    make: through([{ extensions: [UNKNOWN] }]),
  },
  {
    id: "rfc5280::chain-untrusted-root",
    corpus: "invalid",
    make: () => {
      const root = rootOf();
      const inter = interOf(root);
      return { trusted: [rootOf()], presented: [leafOf(inter), inter, root] };
    },
  },
  { id: "rfc5280::intermediate-ca-without-ca-bit", corpus: "invalid", make: through([{ ca: false }]) },
  {
    id: "rfc5280::intermediate-ca-missing-basic-constraints",
    corpus: "invalid",
    make: through([{ omit: ["basicConstraints"] }]),
  },
  { id: "rfc5280::root-missing-basic-constraints", corpus: "invalid", make: below({ omit: ["basicConstraints"] }) },
  {
    id: "rfc5280::root-non-critical-basic-constraints",
    corpus: "invalid",
    here: "valid",
    make: below({ strict: false }),
  },
  { id: "rfc5280::root-inconsistent-ca-extensions", corpus: "invalid", make: below({ keyUsage: "sign" }) },
  { id: "rfc5280::ica-ku-keycertsign", corpus: "invalid", make: through([{ pathLength: 0, keyUsage: "sign" }]) },
  { id: "rfc5280::leaf-ku-keycertsign", corpus: "invalid", here: "valid", make: below({}, { keyUsage: "both" }) },
  {
    id: "rfc5280::ee-critical-aia-invalid",
    corpus: "invalid",
    make: below(
      {},
      {
        extensions: [["1.3.6.1.5.5.7.1.1", true, sequence(sequence(oid("1.3.6.1.5.5.7.48.2"), dns("example.com")))]],
      },
    ),
  },
  {
    id: "rfc5280::duplicate-extensions",
    corpus: "invalid",
    make: below({}, { extensions: [sans(dns("example.com"))] }),
  },
  { id: "rfc5280::no-keyusage", corpus: "valid", make: below({}, { omit: ["keyUsage"] }) },
  { id: "rfc5280::no-basicconstraints", corpus: "valid", make: below({}, { omit: ["basicConstraints"] }) },
  {
    id: "rfc5280::san::malformed",
    corpus: "invalid",
    make: below({}, { dns: [], extensions: [["2.5.29.17", false, Buffer.from("example.com")]] }),
  },
  {
    id: "rfc5280::san::noncritical-with-empty-subject",
    corpus: "invalid",
    here: "valid",
    make: below({}, { subject: "" }),
  },
  { id: "rfc5280::serial::too-long", corpus: "invalid", here: "valid", make: below({}, { serial: "4f".repeat(22) }) },
  { id: "rfc5280::serial::zero", corpus: "invalid", here: "valid", make: below({}, { serial: "00" }) },
  { id: "rfc5280::aki::leaf-missing-aki", corpus: "invalid", here: "valid", make: through([{}]) },
  {
    id: "rfc5280::validity::expired-root",
    corpus: "invalid",
    make: () => {
      const ended = rootOf(ENDED);
      return { trusted: [ended, rootOf()], presented: [leafOf(ended)] };
    },
  },
  { id: "rfc5280::validity::expired-intermediate", corpus: "invalid", make: through([ENDED]) },
  { id: "rfc5280::validity::expired-leaf", corpus: "invalid", make: below({}, ENDED) },
  { id: "rfc5280::validity::leaf-of-tomorrow", corpus: "invalid", make: below({}, TOMORROW) },
  {
    id: "rfc5280::nc::permitted-dns-match",
    corpus: "valid",
    make: constrained(constraints("permitted", dns("example.com")), dns("example.com")),
  },
  {
    id: "rfc5280::nc::permitted-dns-match-more",
    corpus: "valid",
    make: constrained(constraints("permitted", dns("example.com")), dns("foo.bar.example.com")),
  },
  {
    id: "rfc5280::nc::permitted-dns-mismatch",
    corpus: "invalid",
    make: constrained(constraints("permitted", dns("example.com")), dns("not-example.com")),
  },
  {
    id: "rfc5280::nc::permitted-dns-match-noncritical",
    corpus: "invalid",
    here: "valid",
    make: below({ extensions: [["2.5.29.30", false, constraints("permitted", dns("example.com"))[2]]] }),
  },
  {
    id: "rfc5280::nc::excluded-dns-match",
    corpus: "invalid",
    make: through([{ extensions: [constraints("excluded", dns("example.com"))] }]),
  },
  {
    id: "rfc5280::nc::excluded-dns-match-second",
    corpus: "invalid",
    make: constrained(
      constraints("excluded", dns("not-allowed.example.com")),
      dns("example.com"),
      dns("not-allowed.example.com"),
    ),
  },
  {
    id: "rfc5280::nc::permitted-ip-match",
    corpus: "valid",
    make: constrained(constraints("permitted", address(192, 0, 2, 0, 255, 255, 255, 0)), address(192, 0, 2, 1)),
  },
  {
    id: "rfc5280::nc::permitted-ip-mismatch",
    corpus: "invalid",
    make: constrained(constraints("permitted", address(192, 0, 2, 0, 255, 255, 255, 0)), address(192, 0, 3, 1)),
  },
  {
    id: "rfc5280::nc::excluded-ipv4-match",
    corpus: "invalid",
    make: constrained(constraints("excluded", address(192, 0, 2, 0, 255, 255, 255, 0)), address(192, 0, 2, 1)),
  },
  {
    id: "rfc5280::nc::permitted-dn-match",
    corpus: "valid",
    make: constrained(constraints("permitted", directory("edge")), directory("edge")),
  },
  {
    id: "rfc5280::nc::permitted-dn-mismatch",
    corpus: "invalid",
    make: constrained(constraints("permitted", directory("foo")), directory("edge")),
  },
  {
    id: "rfc5280::nc::excluded-dn-match",
    corpus: "invalid",
    make: constrained(constraints("excluded", directory("edge"))),
  },
  {
    id: "rfc5280::nc, a URI's host (SPIFFE, X509-SVID 4.2)",
    corpus: "invalid",
    make: constrained(constraints("permitted", uri("mesh.test")), uri("spiffe://other.test/a")),
  },
  {
    id: "rfc5280::nc, a URI's host that is permitted",
    corpus: "valid",
    make: constrained(constraints("permitted", uri("mesh.test")), uri("spiffe://mesh.test/a")),
  },
  {
    id: "webpki::v1-cert in the place of an intermediate",
    corpus: "invalid",
    make: through([{ omit: ["basicConstraints", "keyUsage"] }]),
  },
  {
    id: "webpki::forbidden-weak-rsa-key-in-leaf",
    corpus: "invalid",
    make: () => below({}, { keys: makeKeys("rsa", 1024) })(),
  },
  {
    id: "webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf",
    corpus: "invalid",
    here: "valid",
    make: () => below({}, { keys: makeKeys("rsa", 2052) })(),
  },
  {
    id: "pathological::multiple-chains-expired-intermediate",
    corpus: "valid",
    make: () => {
      const [root, second] = [rootOf(), rootOf()];
      const ended = interOf(second, { subject: root.subject, keys: root.keys, ...ENDED });
      return { trusted: [root, second], presented: [leafOf(root), ended] };
    },
  },
  {
    id: "pathological::intermediate-cycle-distinct-cas",
    corpus: "invalid",
    make: () => {
      const [one, two] = [makeKeys(), makeKeys()];
      const first = interOf({ ...rootOf({ subject: "cycle 2", keys: two }) }, { subject: "cycle 1", keys: one });
      const second = interOf(first, { subject: "cycle 2", keys: two });
      return { trusted: [rootOf()], presented: [leafOf(first), first, second] };
    },
  },
  {
    id: "pathological::intermediate-cycle-same-logical-ca",
    corpus: "invalid",
    make: () => {
      const [one, two] = [makeKeys(), makeKeys()];
      const first = interOf(rootOf({ subject: "cycle", keys: two }), { subject: "cycle", keys: one });
      const second = interOf(first, { subject: "cycle", keys: two });
      return { trusted: [rootOf()], presented: [leafOf(first), first, second] };
    },
  },
];

let handshakes: JudgedHandshakes;

before(async () => {
  const root = rootOf();
  handshakes = await JudgedHandshakes.start(makeCertificate({ subject: "foo", issuer: root, dns: ["foo"] }));
});

after(() => handshakes[Symbol.dispose]());

/** A bundle that is refused at the start trusts nobody. */
async function judge({ trusted, presented }: Chains): Promise<{ readonly handshake: string; readonly live: string }> {
  let store: TrustStore;
  try {
    store = new TrustStore(handshakes.trust(trusted));
  } catch {
    return { handshake: "invalid", live: "invalid" };
  }
  const { secured } = await handshakes.with(presented, "TLSv1.3");
  const lost = store.judge(
    presented.map(({ certPem }) => new X509Certificate(certPem)),
    Date.now(),
  );
  return { handshake: secured ? "valid" : "invalid", live: lost === undefined ? "valid" : "invalid" };
}

for (const { id, corpus, here = corpus, make } of rows) {
  test(`${id}: the corpus says ${corpus}${here === corpus ? "" : `, we ${here}`}`, async () => {
    const { handshake, live } = await judge(make());
    assert.equal(handshake, here);
    // What OpenSSL has refused never gets this far.
    if (here === "valid") assert.equal(live, "valid");
  });
}
