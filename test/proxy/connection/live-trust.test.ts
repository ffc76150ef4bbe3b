import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { AcceptedConnection } from "../../../src/proxy/connection/accepted-connection.ts";
import { ConnectionTable } from "../../../src/proxy/connection/connection-table.ts";
import { LiveTrust } from "../../../src/proxy/connection/live-trust.ts";
import type { Forwarder } from "../../../src/proxy/forward/forwarder.ts";
import { peerAddress } from "../../../src/policy/address/peer-address.ts";
import { checkCredentials } from "../../../src/tls/credentials/check-credentials.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { listPem, makeCertificate, makeList, type Made } from "../../support/mesh/certificates.ts";
import { backendPort } from "../../../src/policy/model.ts";
import { Slices } from "../../../src/proxy/connection/slices.ts";

const slices = new Slices(assert.ifError);

const A = makeCertificate({ subject: "A", ca: true });
const B = makeCertificate({ subject: "B", ca: true });
const own = makeCertificate({ subject: "foo", issuer: A, dns: ["foo"] });
const SERIALS = Array.from({ length: 20_000 }, (_, index) => (0x5000_0000 + index).toString(16));
const revokedByA = listPem(makeList(A, SERIALS));
const revokedByB = listPem(makeList(B));
let socket: Socket;
const server = createServer();

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
});

after(() => {
  socket.destroy();
  server.close();
});

function credentialsOf(bundle: readonly Made[], pair = own, crl = revokedByA + revokedByB): Credentials {
  const files = { cert: "tls.crt", key: "tls.key", ca: "ca.crt", crl: "ca.crl" };
  const ca = bundle.map(({ certPem }) => certPem).join("");
  return checkCredentials(files, { cert: pair.certPem, key: pair.keyPem, ca, crl }, 1, Date.now());
}

const forwarder: Forwarder = {
  serve: () => undefined,
  revoke: () => undefined,
  drain: () => undefined,
};

/** Admitted connections whose callers have certificates of their own. */
function connected(table: ConnectionTable, count: number, issuer: Made, trust: string): readonly AcceptedConnection[] {
  const keys = makeCertificate({ subject: "edge", issuer }).keys;
  const address = { host: "127.0.0.1", port: 1 };
  return Array.from({ length: count }, (_, index) => {
    const connection = new AcceptedConnection(
      String(index),
      { port: backendPort(80), listen: address, app: address },
      socket,
      peerAddress("127.0.0.1"),
    );
    const { certPem } = makeCertificate({ subject: "edge", issuer, keys, dns: [`edge-${index}`] });
    connection.greeted({
      protocol: "http/1.1",
      peer: connection.peer,
      secured: {
        socket: socket as TLSSocket,
        verified: { certificate: { state: "verified", sans: [] } },
        session: "full",
        trust,
        chain: [new X509Certificate(certPem)],
      },
    });
    table.accept(connection);
    connection.admit("http", forwarder, [], { verdict: "forward", policy: "test/ib", source: "any" });
    return connection;
  });
}

test("a certificate of our own that is renewed makes no judgement due, whatever the order of what is trusted", () => {
  const first = credentialsOf([A, B]);
  const table = new ConnectionTable(0, slices);
  const trust = new LiveTrust(table, slices);
  const connections = connected(table, 2_000, A, first.trust);
  const renewed = credentialsOf(
    [B, A],
    makeCertificate({ subject: "foo", issuer: A, dns: ["foo"] }),
    revokedByB + revokedByA,
  );
  trust.apply(renewed);
  assert.ok(connections.every((connection) => !connection.judgementIsDue && !connection.revoked));
});

test("a CA that goes takes its callers along in slices; who is asked for in between is judged at once", async () => {
  const first = credentialsOf([A, B]);
  const table = new ConnectionTable(0, slices);
  const trust = new LiveTrust(table, slices);
  const leaving = connected(table, 1_000, A, first.trust);
  const staying = connected(table, 1_000, B, first.trust);
  trust.apply(credentialsOf([B], makeCertificate({ subject: "foo", issuer: B, dns: ["foo"] }), revokedByB));
  const last = staying.at(-1)!;
  const lastToLeave = leaving.at(-1)!;
  assert.ok(last.judgementIsDue && lastToLeave.judgementIsDue, "all were judged before anything else could happen");
  lastToLeave.judgeNow();
  assert.equal(lastToLeave.decision.verdict, "tls-alert");
  let turns = 0;
  for (; last.judgementIsDue; turns += 1) await new Promise(setImmediate);
  assert.ok(turns > 1);
  assert.ok(leaving.every((connection) => connection.revoked));
  assert.ok(staying.every((connection) => !connection.revoked));
});

test("a newer change takes over from one whose slices are not over", async () => {
  const first = credentialsOf([A, B]);
  const table = new ConnectionTable(0, slices);
  const trust = new LiveTrust(table, slices);
  const connections = connected(table, 1_000, A, first.trust);
  const byB = makeCertificate({ subject: "foo", issuer: B, dns: ["foo"] });
  const withoutA = credentialsOf([B], byB, revokedByB);
  trust.apply(withoutA);
  trust.apply(first);
  while (connections.some((connection) => connection.judgementIsDue)) await new Promise(setImmediate);
  const lost = connections.filter((connection) => connection.revoked).length;
  assert.ok(lost > 0 && lost < 1_000, `${lost} were judged by what was in force for a moment`);
});
