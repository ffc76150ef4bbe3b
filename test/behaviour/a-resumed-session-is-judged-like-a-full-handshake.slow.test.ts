/** With --tls-resumption=on: for whatever a full handshake would not have let in, there is a refusal or a full handshake. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { exchange } from "../support/caller/caller.ts";
import { TestAuthority, type KeyPair } from "../support/mesh/authority.ts";
import { GATEWAY_NAME } from "../support/mesh/mesh.ts";
import { backend, policy, principal, range } from "../support/mesh/objects.ts";
import type { LogLine } from "../support/process/log-lines.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

const THREADS = 2;
/** Connections after which each thread has had some, but for twice in a million times. */
const MANY = 20;
/** How long the certificate lives that runs out: longer than it takes to connect on a busy machine. */
const SHORT_LIFE_MS = 8_000;
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

interface Visit {
  readonly port?: number;
  readonly session?: Buffer | undefined;
  readonly pair?: KeyPair | undefined;
  readonly from?: string;
  readonly servername?: string;
}

interface Visited {
  readonly reused: boolean;
  /** What the application answered, or the fault of the connection. */
  readonly outcome: number | string;
  readonly session: Buffer | undefined;
}

const started: AsyncDisposable[] = [];
let application: TestApplication;
let ca: TestAuthority;
let own: KeyPair;
let pair: KeyPair;
/** One for what changes nothing for long, one whose CA is taken away in the end. */
let sidecar: TestSidecar;
let second: TestSidecar;

before(async () => {
  started.push((application = await startApplication()));
  ca = await TestAuthority.create();
  own = await ca.issue({ sans: ["dns:foo.test.cluster.local"] });
  pair = await ca.issue({ sans: [`dns:${GATEWAY_NAME}`], serialNumber: "0a01" });
  started.push((sidecar = await start(await ca.revoke([]))));
  started.push((second = await start()));
});

after(async () => {
  await Promise.all(started.map((one) => one[Symbol.asyncDispose]()));
});

/** A port that demands certificates, another, one that demands none, and one that tests server names. */
function policies(name = GATEWAY_NAME) {
  const demanded = { skipClientCertValidation: false };
  return [
    policy(
      [
        backend("foo", 80, "https", demanded),
        backend("foo", 81, "https", demanded),
        backend("foo", 82, "https", { skipClientCertValidation: true }),
        backend("foo", 83, "https", { ...demanded, sniHosts: ["a.test"] }),
      ],
      [range("127.0.0.1/32"), principal(name)],
    ),
  ];
}

function start(crlPem?: string): Promise<TestSidecar> {
  return startSidecar({
    manifests: policies(),
    backends: [80, 81, 82, 83].map((port) => ({ port, app: application.port })),
    tls: { ...own, caPem: ca.certPem, ...(crlPem !== undefined && { crlPem }) },
    workers: THREADS,
    flags: ["--tls-resumption=on"],
  });
}

async function visit(to: TestSidecar, version: (typeof VERSIONS)[number], how: Visit): Promise<Visited> {
  const { port = 80, session, from, servername } = how;
  const shown = "pair" in how ? how.pair : pair;
  const options: ConnectionOptions = {
    host: "127.0.0.1",
    port: to.port(port),
    ca: ca.certPem,
    checkServerIdentity: () => undefined,
    minVersion: version,
    maxVersion: version,
    ...(shown !== undefined && { cert: shown.certPem, key: shown.keyPem }),
    ...(session !== undefined && { session }),
    ...(servername !== undefined && { servername }),
  };
  const socket = connectTls({ ...options, ...(from !== undefined && { localAddress: from }) });
  const sessions: Buffer[] = [];
  let reused = false;
  socket.on("session", (made) => sessions.push(made));
  socket.once("secureConnect", () => (reused = socket.isSessionReused()));
  socket.on("error", () => undefined);
  const outcome = await exchange(socket, {}).then(
    ({ status }) => status,
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
  socket.destroy();
  return { reused, outcome, session: sessions.at(-1) };
}

/** A session that was made with the certificate, and is good. */
async function enter(to: TestSidecar, version: (typeof VERSIONS)[number], how: Visit = {}): Promise<Buffer> {
  const { reused, outcome, session } = await visit(to, version, how);
  assert.deepEqual([reused, outcome], [false, 200]);
  assert.ok(session !== undefined, "no ticket came");
  return session;
}

function replaceFile(of: TestSidecar, name: string, text: string): void {
  writeFileSync(join(of.directory, `${name}.new`), text);
  renameSync(join(of.directory, `${name}.new`), join(of.directory, name));
}

/** Until this holds for so many visits at once that every thread has had some. */
function everywhere(
  what: string,
  to: TestSidecar,
  version: (typeof VERSIONS)[number],
  how: Visit,
  holds: (visited: Visited) => boolean,
): Promise<void> {
  return until(what, async () => {
    const visits = await Promise.all(Array.from({ length: MANY }, () => visit(to, version, how)));
    return visits.every(holds);
  });
}

const refusedInFull = ({ reused, outcome }: Visited): boolean => !reused && typeof outcome === "string";
const letInInFull = ({ reused, outcome }: Visited): boolean => !reused && outcome === 200;

for (const version of VERSIONS) {
  test(`${version}: a session is resumed in every thread, and its certificate told to the application`, async () => {
    const session = await enter(sidecar, version);
    const [requests, lines] = [application.requests.length, sidecar.log.lines.length];
    await everywhere("all are resumed", sidecar, version, { session }, (one) => one.reused && one.outcome === 200);
    for (const { headers } of application.requests.slice(requests))
      assert.match(String(headers["x-forwarded-client-cert"]), /^Hash=[0-9a-f]{64};.*DNS=gw\.gw-ns/);
    await until("the lines of all are there", () => linesFrom(lines).length >= MANY);
    assert.equal(new Set(linesFrom(lines).map(({ id }) => String(id).split("-")[0])).size, THREADS);
  });

  test(`${version}: another port, address, server name or process gets a full handshake or none`, async () => {
    const session = await enter(sidecar, version, { servername: "a.test" });
    assert.ok(letInInFull(await visit(sidecar, version, { session, port: 81 })), "another port of the same rule");
    assert.ok(
      refusedInFull(await visit(sidecar, version, { session, port: 81, pair: undefined })),
      "and no certificate",
    );
    const away = await visit(sidecar, version, { session, from: "127.0.0.9" });
    assert.ok(refusedInFull(away) && away.session === undefined, "an address that is not listed");
    assert.ok(letInInFull(await visit(second, version, { session, servername: "a.test" })), "another process");

    const named = { port: 83, servername: "a.test" };
    assert.ok(letInInFull(await visit(sidecar, version, { ...named, session })), "a port that tests names");
    const { session: own } = await visit(sidecar, version, named);
    assert.ok(letInInFull(await visit(sidecar, version, { ...named, session: own })), "which resumes nothing");
    assert.ok(
      refusedInFull(await visit(sidecar, version, { port: 83, servername: "b.test", session: own })),
      "nor by another",
    );
  });

  test(`${version}: a session that was made without a certificate stands for none`, async () => {
    const session = await enter(sidecar, version, { port: 82, pair: undefined });
    assert.equal((await visit(sidecar, version, { port: 82, pair: undefined, session })).reused, true, "the control");
    assert.ok(refusedInFull(await visit(sidecar, version, { session, pair: undefined })));
  });

  test(`${version}: a ticket is worth nothing without the secret that its session was given`, async () => {
    const session = await enter(sidecar, version);
    const stolen = Buffer.from(session);
    const at = secretIn(stolen);
    stolen.fill(0x5a, at, at + 16);
    assert.equal(typeof (await visit(sidecar, version, { session: stolen })).outcome, "string");
    assert.equal((await visit(sidecar, version, { session })).reused, true, "the control");
  });
}

test("a principal that was removed gets its 403 over a resumed session", async () => {
  const sessions = await enterBoth(sidecar);
  await sidecar.apply(policies("somebody.else.cluster.local"));
  for (const [version, session] of sessions) {
    const { reused, outcome } = await visit(sidecar, version, { session });
    assert.deepEqual([reused, outcome], [true, 403], version);
  }
  await sidecar.apply(policies());
});

test("a session whose certificate has expired is refused, and its renewed holder let in by the next handshake", async () => {
  const notAfter = new Date(Math.ceil((Date.now() + SHORT_LIFE_MS) / 1_000) * 1_000);
  const short = await ca.issue({ sans: [`dns:${GATEWAY_NAME}`], notAfter });
  const sessions = await enterBoth(sidecar, { pair: short });
  const from = sidecar.log.lines.length;
  await delay(notAfter.getTime() - Date.now() + 1);
  const late = await Promise.all(sessions.map(([version, session]) => visit(sidecar, version, { session })));
  for (const { reused, outcome } of late) assert.deepEqual([reused, typeof outcome], [true, "string"]);
  await sidecar.log.next({ event: "connection", end: "refused", reason: "certificate-expired" }, { from });
  for (const [version, session] of sessions)
    await everywhere("the tickets are gone", sidecar, version, { session }, letInInFull);
});

test("a session whose certificate was revoked, or whose CA is gone, is resumed no more", async () => {
  const [revoked, untrusted] = [await enterBoth(sidecar), await enterBoth(second)];
  replaceFile(sidecar, "crl.pem", await ca.revoke(["0a01"]));
  replaceFile(second, "ca.crt", (await TestAuthority.create("CN=next CA")).certPem);
  for (const [version, session] of revoked)
    await everywhere("the revoked one is refused", sidecar, version, { session }, refusedInFull);
  for (const [version, session] of untrusted)
    await everywhere("the one of the former CA is refused", second, version, { session }, refusedInFull);
});

test("where certificates need intermediates that no session holds, resuming ends, and nobody is refused", async () => {
  await using third = await start();
  const below = await (await ca.intermediate()).issue({ sans: [`dns:${GATEWAY_NAME}`] });
  const sessions = await enterBoth(third);
  assert.equal((await visit(third, "TLSv1.3", { pair: below })).outcome, 200);
  await third.log.next(({ message }) => /intermediates that --tls-ca does not have/.test(String(message)));
  for (const [version, session] of sessions)
    await everywhere("nothing is resumed", third, version, { pair: below, session }, letInInFull);
});

async function enterBoth(
  to: TestSidecar,
  how?: Visit,
): Promise<readonly (readonly [(typeof VERSIONS)[number], Buffer])[]> {
  return Promise.all(VERSIONS.map(async (version) => [version, await enter(to, version, how)] as const));
}

function linesFrom(from: number): readonly LogLine[] {
  return sidecar.log.lines.slice(from).filter(({ event }) => event === "connection");
}

/** Where the secret begins in what Node hands out: the OCTET STRING behind that of the session's id (OpenSSL, ssl_asn1.c). */
function secretIn(session: Buffer): number {
  const cipher = session.indexOf(Buffer.from([0x04, 0x02]));
  const id = cipher + 4;
  assert.equal(session[id], 0x04);
  const secret = id + 2 + session[id + 1]!;
  assert.ok(session[secret] === 0x04 && session[secret + 1]! >= 32, "the session is laid out in another way");
  return secret + 2;
}
