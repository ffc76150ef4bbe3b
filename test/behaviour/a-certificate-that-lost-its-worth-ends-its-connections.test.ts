import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { TestAuthority, type KeyPair } from "../support/mesh/authority.ts";
import { connect, exchange, tryCall } from "../support/caller/caller.ts";
import { mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar, writeCredentials, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

let application: TestApplication;
let old: TestAuthority;
let next: TestAuthority;

before(async () => {
  application = await startApplication();
  old = await TestAuthority.create("CN=old mesh");
  next = await TestAuthority.create("CN=new mesh");
});

after(async () => {
  await application?.[Symbol.asyncDispose]();
});

interface Guard {
  readonly sidecar: TestSidecar;
  readonly own: KeyPair;
}

async function guard(caPem: string, crlPem?: string): Promise<Guard> {
  const own = await old.issue({ sans: ["dns:foo.test.cluster.local"] });
  const sidecar = await startSidecar({
    manifests: [policy([mutual], [range("127.0.0.0/8"), principal("*")])],
    backends: [{ app: application.port }],
    tls: { ...own, caPem, ...(crlPem !== undefined && { crlPem }) },
  });
  return { sidecar, own };
}

async function enter(sidecar: TestSidecar, pair: KeyPair, ca = old.certPem): Promise<TLSSocket> {
  const socket = (await connect({ port: sidecar.port(), tls: { ca, pair } })) as TLSSocket;
  socket.on("error", () => undefined);
  assert.equal((await exchange(socket, {})).status, 200);
  return socket;
}

async function closes(socket: TLSSocket): Promise<void> {
  if (!socket.destroyed) await once(socket.resume(), "close");
}

test("a CA that leaves the bundle takes along whoever it vouched for; a connection by another CA goes on", async () => {
  const { sidecar, own } = await guard(old.certPem + next.certPem);
  await using _running = sidecar;
  const former = await enter(sidecar, await old.issue({ sans: ["dns:a"] }));
  const newcomer = await enter(sidecar, await next.issue({ sans: ["dns:b"] }));
  writeCredentials(sidecar.directory, { ...own, caPem: next.certPem });
  await closes(former);
  await sidecar.log.next({ event: "connection", end: "revoked", reason: "certificate-untrusted" });
  assert.equal((await exchange(newcomer, {})).status, 200);
  newcomer.destroy();
});

test("a certificate that is revoked loses its connection and cannot come back", async () => {
  const good = await old.issue({ sans: ["dns:a"], serialNumber: "0101" });
  const bad = await old.issue({ sans: ["dns:b"], serialNumber: "0202" });
  const { sidecar } = await guard(old.certPem, await old.revoke([]));
  await using _running = sidecar;
  const [staying, leaving] = [await enter(sidecar, good), await enter(sidecar, bad)];
  writeFileSync(join(sidecar.directory, "crl.pem"), await old.revoke(["0202"]));
  await closes(leaving);
  await sidecar.log.next({ event: "connection", end: "revoked", reason: "certificate-revoked" });
  assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: { ca: old.certPem, pair: bad } })));
  assert.equal((await exchange(staying, {})).status, 200);
  staying.destroy();
});

test("a certificate that ends takes its connection along", async () => {
  const { sidecar } = await guard(old.certPem);
  await using _running = sidecar;
  const brief = await old.issue({ sans: ["dns:a"], notAfter: new Date(Date.now() + 3_000) });
  const socket = await enter(sidecar, brief);
  await closes(socket);
  await sidecar.log.next({ event: "connection", end: "revoked", reason: "certificate-expired" });
});

test("an intermediate CA that callers bring takes their connections along when it ends, and no others", async () => {
  const { sidecar } = await guard(old.certPem);
  await using _running = sidecar;
  const brief = await old.intermediate("CN=brief", new Date(Date.now() + 4_000));
  const lasting = await old.intermediate("CN=lasting");
  const [leaving, staying] = [await brief.issue({ sans: ["dns:a"] }), await lasting.issue({ sans: ["dns:b"] })];
  const [ended, live] = [await enter(sidecar, leaving), await enter(sidecar, staying)];
  await closes(ended);
  await sidecar.log.next({ event: "connection", end: "revoked", reason: "certificate-expired" });
  assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: { ca: old.certPem, pair: leaving } })));
  assert.equal((await exchange(live, {})).status, 200);
  live.destroy();
});

test("a new certificate of our own is shown to new callers; connections of before live on", async () => {
  const { sidecar } = await guard(old.certPem);
  await using _running = sidecar;
  const caller = await old.issue({ sans: ["dns:a"] });
  const before = await enter(sidecar, caller);
  const renewed = await old.issue({ sans: ["dns:foo.test.cluster.local"], serialNumber: "0777" });
  writeCredentials(sidecar.directory, { ...renewed, caPem: old.certPem });
  await until("the new certificate is shown", async () => {
    const socket = await enter(sidecar, caller);
    const serial = socket.getPeerCertificate().serialNumber;
    socket.destroy();
    return /^0*777$/.test(serial);
  });
  assert.equal((await exchange(before, {})).status, 200);
  before.destroy();
});
