import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { connect, exchange, tryCall } from "../support/caller/caller.ts";
import { listPem, makeCertificate, makeList, type Made } from "../support/mesh/certificates.ts";
import { mutual, policy, principal } from "../support/mesh/objects.ts";
import { spawnSidecar, startSidecar, type SidecarOptions, type TestSidecar } from "../support/process/sidecar.ts";

const EDGE = "edge.gateways.cluster.local";
const A = makeCertificate({ subject: "A", ca: true });
const B = makeCertificate({ subject: "B", ca: true, kind: "ed25519" });
const inter = makeCertificate({ subject: "inter", ca: true, issuer: A });
const own = makeCertificate({ subject: "foo", issuer: A, dns: ["foo.test.cluster.local"] });
const edge = (issuer: Made): Made => makeCertificate({ subject: "edge", issuer, dns: [EDGE] });
let application: TestApplication;

before(async () => {
  application = await startApplication();
});

after(async () => {
  await application[Symbol.asyncDispose]();
});

function optionsOf(crl: Buffer | string, flags: readonly string[] = []): SidecarOptions {
  const crlPem = typeof crl === "string" ? crl : listPem(crl);
  return {
    manifests: [policy([mutual], [principal(EDGE)])],
    backends: [{ app: application.port }],
    tls: { ...own, caPem: A.certPem + B.certPem, crlPem },
    flags,
  };
}

const tlsOf = (pair: Pick<Made, "certPem" | "keyPem">) => ({ ca: A.certPem, pair });

async function enter(sidecar: TestSidecar, pair: Pick<Made, "certPem" | "keyPem">): Promise<TLSSocket> {
  const socket = (await connect({ port: sidecar.port(), tls: tlsOf(pair) })) as TLSSocket;
  socket.on("error", () => undefined);
  assert.equal((await exchange(socket, {})).status, 200);
  return socket;
}

async function closed(socket: TLSSocket): Promise<void> {
  socket.resume();
  if (!socket.destroyed) await once(socket, "close");
}

test("all lists of a file count, and a new file of them takes the connection of whoever it names, and of no other", async () => {
  const lists = [makeList(B), makeList(A), makeList(inter)].map(listPem).join("");
  await using sidecar = await startSidecar(optionsOf(lists));
  const [byA, byB, gone] = [edge(A), edge(B), edge(B)];
  const below = edge(inter);
  const chain = { certPem: below.certPem + inter.certPem, keyPem: below.keyPem };
  const staying = [await enter(sidecar, byA), await enter(sidecar, byB), await enter(sidecar, chain)];
  const leaving = await enter(sidecar, gone);
  const der = Buffer.concat([makeList(inter), makeList(A), makeList(B, [gone.serial])]);
  writeFileSync(join(sidecar.directory, "crl.pem"), der);
  await closed(leaving);
  await sidecar.log.next({ event: "connection", end: "revoked", reason: "certificate-revoked" });
  assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: tlsOf(gone) })));
  await sidecar.log.next({ event: "connection", end: "refused", reason: "certificate-revoked" });
  for (const socket of staying) {
    assert.equal((await exchange(socket, {})).status, 200);
    socket.destroy();
  }
});

test("two lists of one issuer both count, in either order, for who comes and for who is there", async () => {
  const gone = edge(A);
  const lists = [makeList(A), makeList(A, [gone.serial])];
  for (const order of [lists, lists.toReversed()]) {
    await using sidecar = await startSidecar(optionsOf([...order, makeList(B)].map(listPem).join("")));
    (await enter(sidecar, edge(A))).destroy();
    assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: tlsOf(gone) })));
    await sidecar.log.next({ event: "connection", reason: "certificate-revoked" });
  }
  await using sidecar = await startSidecar(optionsOf([makeList(A), makeList(B)].map(listPem).join("")));
  const leaving = await enter(sidecar, gone);
  writeFileSync(join(sidecar.directory, "crl.pem"), [...lists, makeList(B)].map(listPem).join(""));
  await closed(leaving);
  assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: tlsOf(gone) })));
});

test("a list that ends takes along whoever it speaks of, by its own name; its successor lets them in again", async () => {
  const lasting = [makeList(A), makeList(B)].map(listPem).join("");
  await using sidecar = await startSidecar(optionsOf(lasting));
  const [byA, byB] = [edge(A), edge(B)];
  const [staying, leaving] = [await enter(sidecar, byA), await enter(sidecar, byB)];
  // Not at the start, which takes longer than this list lasts where the machine is busy.
  const brief = [makeList(A), makeList(B, [], { ends: 10_000 })].map(listPem).join("");
  writeFileSync(join(sidecar.directory, "crl.pem"), brief);
  await closed(leaving);
  await sidecar.log.next({ event: "connection", end: "revoked", reason: "crl-expired" });
  assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: tlsOf(byB) })));
  await sidecar.log.next({ event: "connection", end: "refused", reason: "crl-expired", detail: "CRL_HAS_EXPIRED" });
  await sidecar.log.next({ level: "error", message: "a revocation list has ended: not ready" });
  const { reasons } = (await (await sidecar.admin("/readyz")).json()) as { readonly reasons: readonly string[] };
  assert.match(
    reasons.join("\n"),
    /^crl-ended: a revocation list \(--tls-crl \S+\) ended at 20\d\d-\S+: its issuer's callers are refused$/,
  );
  assert.equal((await exchange(staying, {})).status, 200);
  staying.destroy();
  const from = sidecar.log.lines.length;
  writeFileSync(join(sidecar.directory, "crl.pem"), [makeList(A), makeList(B)].map(listPem).join(""));
  await sidecar.log.next({ message: "certificate replaced" }, { from });
  await sidecar.ready();
  (await enter(sidecar, byB)).destroy();
});

test("where lists are accepted beyond their end, they are applied all the same", async () => {
  const [good, bad] = [edge(A), edge(A)];
  const ended = [makeList(A, [bad.serial], { ends: -1_000 }), makeList(B)].map(listPem).join("");
  await using sidecar = await startSidecar(optionsOf(ended, ["--tls-crl-expired=accept"]));
  const staying = await enter(sidecar, good);
  const outcome = await tryCall({ port: sidecar.port(), tls: tlsOf(bad) });
  assert.ok("error" in outcome, JSON.stringify(outcome));
  await sidecar.log.next({ event: "connection", end: "refused", reason: "certificate-revoked" });
  assert.equal((await exchange(staying, {})).status, 200);
  staying.destroy();
});

test("a CA without a list lets nobody in, and says so", async () => {
  await using sidecar = await startSidecar(optionsOf(makeList(A)));
  assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: tlsOf(edge(B)) })));
  await sidecar.log.next({ event: "connection", end: "refused", reason: "crl-missing", detail: "UNABLE_TO_GET_CRL" });
});

test("a start with a list that has ended is said, and not ready", async () => {
  await using sidecar = await spawnSidecar(
    optionsOf([makeList(A, [], { ends: -1_000 }), makeList(B)].map(listPem).join("")),
  );
  await sidecar.log.next({ level: "error", message: "a revocation list has ended: not ready" });
  await sidecar.log.next({ message: "snapshot published" });
  assert.equal((await sidecar.admin("/readyz")).status, 503);
});
