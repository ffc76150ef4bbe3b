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
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

const THREADS = 3;
/** Connections after which each thread has had some, but once in a million times. */
const MANY = 40;
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

let application: TestApplication;
let ca: TestAuthority;
let own: KeyPair;
let pair: KeyPair;

before(async () => {
  application = await startApplication();
  ca = await TestAuthority.create();
  own = await ca.issue({ sans: ["dns:foo.test.cluster.local"] });
  pair = await ca.issue({ sans: [`dns:${GATEWAY_NAME}`], serialNumber: "0a01" });
});

after(() => application[Symbol.asyncDispose]());

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

async function start(crlPem?: string, flags: readonly string[] = ["--tls-resumption=on"]): Promise<TestSidecar> {
  return startSidecar({
    manifests: policies(),
    backends: [80, 81, 82, 83].map((port) => ({ port, app: application.port })),
    tls: { ...own, caPem: ca.certPem, ...(crlPem !== undefined && { crlPem }) },
    workers: THREADS,
    flags,
  });
}

async function visit(sidecar: TestSidecar, version: (typeof VERSIONS)[number], how: Visit): Promise<Visited> {
  const { port = 80, session, from, servername } = how;
  const shown = "pair" in how ? how.pair : pair;
  const options: ConnectionOptions = {
    host: "127.0.0.1",
    port: sidecar.port(port),
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
async function enter(sidecar: TestSidecar, version: (typeof VERSIONS)[number], how: Visit = {}): Promise<Buffer> {
  const { reused, outcome, session } = await visit(sidecar, version, how);
  assert.deepEqual([reused, outcome], [false, 200]);
  assert.ok(session !== undefined, "no ticket came");
  return session;
}

function replaceFile(sidecar: TestSidecar, name: string, text: string): void {
  writeFileSync(join(sidecar.directory, `${name}.new`), text);
  renameSync(join(sidecar.directory, `${name}.new`), join(sidecar.directory, name));
}

/** Until this holds for so many visits at once that every thread has had some. */
function everywhere(
  what: string,
  sidecar: TestSidecar,
  version: (typeof VERSIONS)[number],
  how: Visit,
  holds: (visited: Visited) => boolean,
): Promise<void> {
  return until(what, async () => {
    const visits = await Promise.all(Array.from({ length: MANY }, () => visit(sidecar, version, how)));
    return visits.every(holds);
  });
}

const refusedInFull = ({ reused, outcome }: Visited): boolean => !reused && typeof outcome === "string";
const letInInFull = ({ reused, outcome }: Visited): boolean => !reused && outcome === 200;

for (const version of VERSIONS) {
  test(`${version}: a session is resumed in every thread, its certificate told to the application, for its own port alone`, async () => {
    await using sidecar = await start();
    const session = await enter(sidecar, version);
    const from = application.requests.length;
    const visits: Visited[] = [];
    for (let count = 0; count < MANY; count += 1) visits.push(await visit(sidecar, version, { session }));
    assert.ok(visits.every(({ reused, outcome }) => reused && outcome === 200));
    for (const { headers } of application.requests.slice(from))
      assert.match(String(headers["x-forwarded-client-cert"]), /^Hash=[0-9a-f]{64};.*DNS=gw\.gw-ns/);
    const lines = sidecar.log.all({ event: "connection" });
    assert.equal(new Set(lines.map(({ id }) => String(id).split("-")[0])).size, THREADS);

    const elsewhere = await visit(sidecar, version, { session, port: 81 });
    assert.deepEqual(
      [elsewhere.reused, elsewhere.outcome],
      [false, 200],
      "another port of the same rule: full handshake",
    );
    const bare = await visit(sidecar, version, { session, port: 81, pair: undefined });
    assert.equal(bare.reused, false);
    assert.match(String(bare.outcome), /^E/, "another port, and no certificate: refused");
    const away = await visit(sidecar, version, { session, from: "127.0.0.9" });
    assert.deepEqual(
      [away.reused, away.session],
      [false, undefined],
      "from an address that is not listed: no handshake",
    );
    assert.match(String(away.outcome), /^E/);
  });

  test(`${version}: a session without a certificate, of a named server, or of a process of before: full handshake`, async () => {
    await using sidecar = await start();
    const without = await enter(sidecar, version, { port: 82, pair: undefined });
    assert.equal((await visit(sidecar, version, { port: 82, pair: undefined, session: without })).reused, true);
    const demanded = await visit(sidecar, version, { session: without, pair: undefined });
    assert.equal(demanded.reused, false);
    assert.match(String(demanded.outcome), /^E/);

    const named = await visit(sidecar, version, { port: 83, servername: "a.test" });
    assert.deepEqual([named.outcome, named.session], [200, undefined], "where names are tested there are no tickets");
    const session = await enter(sidecar, version, { servername: "a.test" });
    const byName = await visit(sidecar, version, { port: 83, servername: "a.test", session });
    assert.deepEqual([byName.reused, byName.outcome], [false, 200]);

    await using next = await start();
    const later = await visit(next, version, { session, servername: "a.test" });
    assert.deepEqual([later.reused, later.outcome], [false, 200], "tickets do not outlive their process");
  });

  test(`${version}: a principal that was removed gets its 403, and a session revoked or of a CA that is gone nothing`, async () => {
    const otherCa = await TestAuthority.create("CN=next CA");
    await using sidecar = await start(await ca.revoke([]));
    await using second = await start();
    const [session, other] = [await enter(sidecar, version), await enter(second, version)];
    await sidecar.apply(policies("somebody.else.cluster.local"));
    const removed = await visit(sidecar, version, { session });
    assert.deepEqual([removed.reused, removed.outcome], [true, 403]);
    await sidecar.apply(policies());
    const again = await visit(sidecar, version, { session });
    assert.deepEqual([again.reused, again.outcome], [true, 200]);

    replaceFile(sidecar, "crl.pem", await ca.revoke(["0a01"]));
    replaceFile(second, "ca.crt", otherCa.certPem);
    await everywhere("the revoked one is refused", sidecar, version, { session }, refusedInFull);
    await everywhere("so is the one of a CA that is gone", second, version, { session: other }, refusedInFull);
  });

  test(`${version}: a session whose certificate has expired is refused, and its renewed holder let in by the next handshake`, async () => {
    await using sidecar = await start();
    const notAfter = new Date(Math.ceil((Date.now() + SHORT_LIFE_MS) / 1_000) * 1_000);
    const short = await ca.issue({ sans: [`dns:${GATEWAY_NAME}`], notAfter });
    const session = await enter(sidecar, version, { pair: short });
    assert.deepEqual((await visit(sidecar, version, { pair: short, session })).reused, true);
    await delay(notAfter.getTime() - Date.now() + 1);
    const late = await visit(sidecar, version, { session });
    assert.equal(late.reused, true);
    assert.match(String(late.outcome), /^E/);
    await sidecar.log.next({ event: "connection", end: "refused", reason: "certificate-expired" });
    await everywhere("the tickets are gone", sidecar, version, { session }, letInInFull);
  });

  test(`${version}: where certificates need intermediates that no session holds, resuming ends, and nobody is refused`, async () => {
    await using sidecar = await start();
    const inter = await ca.intermediate();
    const below = await inter.issue({ sans: [`dns:${GATEWAY_NAME}`] });
    const session = await enter(sidecar, version);
    assert.equal((await visit(sidecar, version, { pair: below })).outcome, 200);
    await sidecar.log.next(({ message }) => /intermediates that --tls-ca does not have/.test(String(message)));
    await everywhere("nothing is resumed", sidecar, version, { session }, letInInFull);
    await everywhere("nothing of the other", sidecar, version, { pair: below, session }, letInInFull);
  });
}
