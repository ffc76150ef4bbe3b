/**
 * Live connections are judged as OpenSSL judges new ones: for each row the caller connects by the trust of before, the trust
 * changes, and what becomes of its connection is compared with what OpenSSL says to the same caller then.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { AcceptedConnection } from "../../../src/proxy/connection/accepted-connection.ts";
import { Handshakes, type HandshakeResult } from "../../../src/proxy/connection/handshakes.ts";
import { TrustJudge } from "../../../src/proxy/connection/lost-trust.ts";
import { peerAddress } from "../../../src/policy/address/peer-address.ts";
import { checkCredentials } from "../../../src/tls/credentials/check-credentials.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { verifiedPeer } from "../../../src/tls/peer.ts";
import { trustOfHandshake } from "../../../src/tls/secure-context.ts";
import { connect } from "../../support/caller/caller.ts";
import { listPem, makeCertificate, makeKeys, makeList, type Made } from "../../support/mesh/certificates.ts";
import { der, sequence } from "../../support/mesh/der-writer.ts";
import { backendPort } from "../../../src/policy/model.ts";

const HOUR_MS = 3_600_000;
const handshakes = new Handshakes(5_000);
const server = createServer((raw) => {
  raw.on("error", () => undefined);
  const terms = { clientCertificate: true, alpn: [], judgeServerName: () => undefined };
  void handshakes.begin(raw, terms).then((result) => server.emit("result", result));
});

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => void server.close());

interface Trust {
  readonly ca: readonly Made[];
  readonly lists?: readonly Buffer[];
}

interface Row {
  readonly name: string;
  readonly before: Trust;
  readonly after: Trust;
  /** Leaf first, as sent. */
  readonly chain: readonly Made[];
  /** What is wrong afterwards; absent: nothing. */
  readonly lost?: string;
  /** Nothing has changed that a digest of trust would show. */
  readonly sameTrust?: true;
  /** OpenSSL follows the first issuer that was presented and does not come back: it refuses a chain of which one way is good. */
  readonly opensslIsLost?: true;
}

const ca = (subject: string, options: Partial<Parameters<typeof makeCertificate>[0]> = {}): Made =>
  makeCertificate({ subject, ca: true, ...options });
const leaf = (issuer: Made, options: Partial<Parameters<typeof makeCertificate>[0]> = {}): Made =>
  makeCertificate({ subject: "edge", issuer, dns: ["edge.gateways"], ...options });

const A = ca("A");
const B = ca("B");
const other = ca("other");
const own = makeCertificate({ subject: "foo", issuer: A, dns: ["foo"] });

function credentialsOf({ ca: bundle, lists }: Trust): Credentials {
  const files = { cert: "tls.crt", key: "tls.key", ca: "ca.crt", ...(lists !== undefined && { crl: "ca.crl" }) };
  const texts = {
    cert: own.certPem,
    key: own.keyPem,
    ca: bundle.map(({ certPem }) => certPem).join(""),
    ...(lists !== undefined && { crl: lists.map(listPem).join("") }),
  };
  return checkCredentials(files, texts, 1, Date.now());
}

async function handshake(chain: readonly Made[]): Promise<HandshakeResult> {
  const result = once(server, "result") as Promise<[HandshakeResult]>;
  const pair = { certPem: chain.map(({ certPem }) => certPem).join(""), keyPem: chain[0]!.keyPem };
  const { port } = server.address() as AddressInfo;
  const socket = await connect({ port, tls: { pair, options: { rejectUnauthorized: false } } }).catch(() => undefined);
  socket?.on("error", () => undefined);
  const [settled] = await result;
  if (!settled.secured) socket?.destroy();
  return settled;
}

function connectionOf(result: HandshakeResult): AcceptedConnection {
  assert.ok(result.secured, JSON.stringify(result));
  const { socket, credentials, presented } = result;
  const address = { host: "127.0.0.1", port: 1 };
  const connection = new AcceptedConnection(
    "1",
    { port: backendPort(80), listen: address, app: address },
    socket,
    peerAddress("127.0.0.1"),
  );
  connection.greeted({
    protocol: "http/1.1",
    peer: connection.peer,
    secured: {
      socket,
      verified: verifiedPeer(socket, true, presented, {}),
      session: "full",
      trust: trustOfHandshake(credentials),
    },
  });
  return connection;
}

const shared = makeKeys();
const oldRoot = ca("mesh", { keys: shared, ends: -1_000, begins: -HOUR_MS });
const newRoot = ca("mesh", { keys: shared });
const i1 = ca("i1", { issuer: A });
const i2 = ca("i2", { issuer: i1 });
const i3 = ca("i3", { issuer: A });
const interKeys = makeKeys();
const interExpired = ca("inter", { issuer: A, keys: interKeys, ends: -1_000 });
const interByA = ca("inter", { issuer: A, keys: interKeys });
const interByB = ca("inter", { issuer: B, keys: interKeys });
const cappedKeys = makeKeys();
const cappedByA = ca("capped", { issuer: A, keys: cappedKeys });
const cappedByB = ca("capped", { issuer: B, keys: cappedKeys, pathLength: 0 });
const belowCapped = ca("below", { issuer: cappedByA });
const serverOnlyByB = ca("inter", { issuer: B, keys: interKeys, usage: "server" });
const namesByB = (permitted: string): Made =>
  ca("inter", {
    issuer: B,
    keys: interKeys,
    extensions: [["2.5.29.30", true, sequence(der(0xa0, sequence(der(0x82, Buffer.from(permitted)))))]],
  });
const ed = ca("ed", { kind: "ed25519" });
const pss = ca("pss", { kind: "rsa-pss" });
const leafA = leaf(A);
const leafEd = leaf(ed);
const leafPss = leaf(pss);
const leafI1 = leaf(i1);

const lists = (...more: readonly Buffer[]): readonly Buffer[] => [makeList(A), ...more];

const rows: readonly Row[] = [
  ...[
    [oldRoot, newRoot],
    [newRoot, oldRoot],
  ].map((pair): Row => ({
    name: `a CA renewed with its key, ${pair[0] === oldRoot ? "the one that has ended first" : "the new one first"}`,
    before: { ca: pair },
    after: { ca: [...pair, other] },
    chain: [leaf(newRoot)],
  })),
  {
    name: "a chain out of order: leaf, i1, i2",
    before: { ca: [A] },
    after: { ca: [A, other] },
    chain: [leaf(i2), i1, i2],
  },
  {
    name: "a chain out of order, and a certificate too many: leaf, i2, i1, i3",
    before: { ca: [A] },
    after: { ca: [other, A] },
    chain: [leaf(i2), i2, i1, i3],
  },
  {
    name: "a chain that begins with a certificate of no use: leaf, i3, i1, i2",
    before: { ca: [A] },
    after: { ca: [other, A] },
    chain: [leaf(i2), i3, i1, i2],
  },
  {
    name: "two certificates of one issuer, the first of which has ended",
    before: { ca: [A] },
    after: { ca: [A, other] },
    chain: [leaf(interByA), interExpired, interByA],
  },
  {
    name: "an issuer that two roots have signed, one of which goes",
    before: { ca: [A, B] },
    after: { ca: [B] },
    chain: [leaf(interByA), interByA, interByB],
    opensslIsLost: true,
  },
  {
    name: "the other of the two goes",
    before: { ca: [A, B] },
    after: { ca: [A] },
    chain: [leaf(interByA), interByB, interByA],
    opensslIsLost: true,
  },
  {
    name: "both go",
    before: { ca: [A, B] },
    after: { ca: [other] },
    chain: [leaf(interByA), interByA, interByB],
    lost: "certificate-untrusted",
  },
  { name: "the root goes", before: { ca: [A, B] }, after: { ca: [B] }, chain: [leafA], lost: "certificate-untrusted" },
  { name: "another root goes", before: { ca: [A, B] }, after: { ca: [A] }, chain: [leafA] },
  { name: "roots change places", before: { ca: [A, B] }, after: { ca: [B, A] }, chain: [leafA], sameTrust: true },
  {
    name: "the root goes and its intermediate comes in",
    before: { ca: [A] },
    after: { ca: [B, i1] },
    chain: [leafI1, i1],
    lost: "certificate-untrusted",
  },
  {
    name: "the way that is left has a path that is too long for one of its CAs",
    before: { ca: [A, B, cappedByA] },
    after: { ca: [B] },
    chain: [leaf(belowCapped), belowCapped, cappedByB],
    lost: "certificate-untrusted",
  },
  {
    name: "the way that is left is for server certificates",
    before: { ca: [A, B, interByA] },
    after: { ca: [B] },
    chain: [leaf(interByA), serverOnlyByB],
    lost: "certificate-untrusted",
  },
  {
    name: "the way that is left is signed with SHA-1",
    before: { ca: [A, B, interByA] },
    after: { ca: [B] },
    chain: [leaf(interByA), ca("inter", { issuer: B, keys: interKeys, sha1: true })],
    lost: "certificate-untrusted",
  },
  {
    name: "the way that is left is for other names",
    before: { ca: [A, B, interByA] },
    after: { ca: [B] },
    chain: [leaf(interByA), namesByB("elsewhere.example")],
    lost: "certificate-untrusted",
  },
  {
    name: "the way that is left is for these names",
    before: { ca: [A, B, interByA] },
    after: { ca: [B] },
    chain: [leaf(interByA), namesByB("gateways")],
  },
  {
    name: "a leaf is revoked",
    before: { ca: [A], lists: lists() },
    after: { ca: [A], lists: [makeList(A, [leafA.serial])] },
    chain: [leafA],
    lost: "certificate-revoked",
  },
  {
    name: "another leaf is revoked",
    before: { ca: [A], lists: lists() },
    after: { ca: [A], lists: [makeList(A, ["0BAD"])] },
    chain: [leafA],
  },
  {
    name: "the same serial number of another CA is revoked",
    before: { ca: [A, B], lists: lists(makeList(B)) },
    after: { ca: [A, B], lists: lists(makeList(B, [leafA.serial])) },
    chain: [leafA],
  },
  {
    name: "an intermediate is revoked",
    before: { ca: [A], lists: lists(makeList(i1)) },
    after: { ca: [A], lists: [makeList(A, [i1.serial]), makeList(i1)] },
    chain: [leafI1, i1],
    lost: "certificate-revoked",
  },
  {
    name: "a leaf is revoked by an intermediate that only the caller brings",
    before: { ca: [A], lists: lists(makeList(i1)) },
    after: { ca: [A], lists: lists(makeList(i1, [leafI1.serial])) },
    chain: [leafI1, i1],
    lost: "certificate-revoked",
  },
  {
    name: "a list signed with Ed25519 revokes",
    before: { ca: [A, ed], lists: lists(makeList(ed)) },
    after: { ca: [A, ed], lists: lists(makeList(ed, [leafEd.serial])) },
    chain: [leafEd],
    lost: "certificate-revoked",
  },
  {
    name: "a list signed with RSASSA-PSS revokes",
    before: { ca: [A, pss], lists: lists(makeList(pss)) },
    after: { ca: [A, pss], lists: lists(makeList(pss, [leafPss.serial])) },
    chain: [leafPss],
    lost: "certificate-revoked",
  },
  {
    name: "the list of an intermediate goes",
    before: { ca: [A], lists: lists(makeList(i1)) },
    after: { ca: [A], lists: lists() },
    chain: [leafI1, i1],
    lost: "crl-missing",
  },
  {
    name: "a list that has ended takes the place of one that has not",
    before: { ca: [A], lists: lists() },
    after: { ca: [A], lists: [makeList(A, ["0BAD"], { ends: -1_000 })] },
    chain: [leafA],
    lost: "crl-expired",
  },
  {
    name: "a list that has ended stands beside its successor",
    before: { ca: [A], lists: lists() },
    after: { ca: [A], lists: [makeList(A, ["0BAD"], { begins: -2 * HOUR_MS, ends: -1_000 }), makeList(A)] },
    chain: [leafA],
  },
];

for (const row of rows) {
  test(`${row.name}: ${row.lost ?? "stays"}`, async () => {
    handshakes.setCredentials(credentialsOf(row.before));
    const connection = connectionOf(await handshake(row.chain));
    try {
      const now = credentialsOf(row.after);
      handshakes.setCredentials(now);
      const judge = new TrustJudge(now);
      assert.equal(judge.isDue(connection), row.sameTrust !== true);
      const live = judge.judge(connection)?.reason;
      const fresh = await handshake(row.chain);
      const refused = !fresh.secured && "reason" in fresh.failure ? fresh.failure.reason : undefined;
      if (fresh.secured) fresh.socket.destroy();
      const openssl = fresh.secured ? undefined : refused;
      assert.deepEqual(
        { live, openssl },
        { live: row.lost, openssl: row.opensslIsLost === true ? "certificate-untrusted" : row.lost },
      );
    } finally {
      connection.socket.destroy();
    }
  });
}
