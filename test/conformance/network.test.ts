/**
 * The decision rows on the wire: a real sidecar, real certificates, a caller on each row's address. `10.x.y.z` stands for
 * `127.x.y.z` here. One process serves all rows; each row is an edit of its manifests.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestAuthority, type KeyPair } from "../support/mesh/authority.ts";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { tryCall, type CallerTls, type CallOutcome } from "../support/caller/caller.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import type { Manifest } from "../support/mesh/objects.ts";
import { DECISIONS } from "./cases/all.ts";
import type { Caller, Certificate, DecisionCase, Expected } from "./cases/decision.ts";
import { NAMESPACE, SERVICES } from "./world.ts";

const DAY_MS = 86_400_000;
/** Backend ports that rows name. */
const PORTS = [...new Set(DECISIONS.map(({ port = 80 }) => port))];

let mesh: TestAuthority;
let foreign: TestAuthority;
let application: TestApplication;
let sidecar: TestSidecar;
const issued = new Map<string, Promise<KeyPair>>();

before(async () => {
  [mesh, foreign] = await Promise.all([TestAuthority.create(), TestAuthority.create("CN=another CA")]);
  application = await startApplication((_request, response) => response.end("application"));
  const own = await mesh.issue({ sans: ["dns:foo.test.cluster.local"] });
  sidecar = await startSidecar({
    namespace: NAMESPACE,
    services: SERVICES,
    manifests: [],
    backends: PORTS.map((port) => ({ port, app: application.port })),
    tls: { ...own, caPem: mesh.certPem },
    // Every refusal of a table has a line to be read.
    flags: ["--handshake-timeout=2s", "--refusal-logs-per-second=10000"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

/** Rows that the loopback of this machine can play: IPv4 callers, and no mesh name, which is a flag of the process. */
const rows = DECISIONS.filter((row) => row.meshName === undefined && playable(row).length > 0);

for (const row of rows) {
  test(`${row.id} on the wire: ${row.about}`, async () => {
    await sidecar.apply(row.objects.map(onLoopback));
    for (const [caller, expected] of playable(row)) {
      const reached = application.requests.length;
      const connections = application.connections;
      const from = sidecar.log.lines.length;
      const outcome = await tryCall({
        port: sidecar.port(row.port),
        from: loopback(caller.from),
        ...(caller.tls !== undefined && { tls: await tlsOf(caller.tls) }),
      });
      check(outcome, caller, expected);
      const forwarded = expected.verdict === "forward";
      assert.equal(application.requests.length - reached, forwarded ? 1 : 0, "requests that reached the application");
      if (!forwarded) {
        assert.equal(application.connections, connections, "the application was dialled before the verdict");
        await sidecar.log.next({ reason: expected.reason, address: loopback(caller.from) }, { from });
      }
    }
  });
}

test("rows with a mesh name are played by a sidecar that has it", { timeout: 60_000 }, async () => {
  const named = DECISIONS.filter((row) => row.meshName !== undefined && playable(row).length > 0);
  assert.notEqual(named.length, 0);
  const meshName = named[0]?.meshName ?? assert.fail();
  const own = await mesh.issue({ sans: ["dns:foo.test.cluster.local"] });
  await using watching = await startSidecar({
    namespace: NAMESPACE,
    services: SERVICES,
    manifests: [],
    backends: PORTS.map((port) => ({ port, app: application.port })),
    tls: { ...own, caPem: mesh.certPem },
    flags: [`--mesh-name=${meshName}`, "--refusal-logs-per-second=10000"],
  });
  for (const row of named.filter((candidate) => candidate.meshName === meshName)) {
    await watching.apply(row.objects.map(onLoopback));
    for (const [caller, expected] of playable(row)) {
      const tls = caller.tls === undefined ? undefined : await tlsOf(caller.tls);
      const port = watching.port(row.port);
      check(await tryCall({ port, from: loopback(caller.from), ...(tls && { tls }) }), caller, expected);
    }
  }
});

function playable(row: DecisionCase): DecisionCase["callers"] {
  return row.callers.filter(([caller]) => /^10\.\d+\.\d+\.\d+$/.test(caller.from));
}

function loopback(address: string): string {
  return address.replace(/^10\./, "127.");
}

function onLoopback(manifest: Manifest): Manifest {
  const text = JSON.stringify(manifest)
    .replaceAll(/"(::ffff:)?10\.(\d+\.\d+\.\d+(?:\/\d+)?)"/g, '"$1127.$2"')
    .replaceAll('"::ffff:a00:', '"::ffff:7f00:');
  return JSON.parse(text) as Manifest;
}

async function tlsOf({ certificate, sni }: NonNullable<Caller["tls"]>): Promise<CallerTls> {
  const pair = await pairOf(certificate);
  return { ca: mesh.certPem, ...(pair && { pair }), ...(sni !== undefined && { servername: sni }) };
}

function pairOf(certificate: Certificate): Promise<KeyPair> | undefined {
  if (certificate === "none") return undefined;
  const key = JSON.stringify(certificate);
  let pair = issued.get(key);
  if (pair === undefined) issued.set(key, (pair = issue(certificate)));
  return pair;
}

async function issue(certificate: Exclude<Certificate, "none">): Promise<KeyPair> {
  const sans = ["dns:gw.gw-ns.cluster.local"];
  switch (certificate) {
    case "foreign":
      return foreign.issue({ sans });
    case "self-signed":
      return (await TestAuthority.create("CN=nobody")).issue({ sans });
    case "expired":
      return mesh.issue({ sans, notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() - 60_000) });
    case "not-yet-valid":
      return mesh.issue({
        sans,
        notBefore: new Date(Date.now() + DAY_MS),
        notAfter: new Date(Date.now() + 2 * DAY_MS),
      });
    case "server-only":
      return mesh.issue({ sans, usages: ["server"] });
    default:
      return mesh.issue({
        sans: certificate.sans,
        ...(certificate.commonName !== undefined && { subject: `CN=${certificate.commonName}` }),
      });
  }
}

/** What the caller saw is what the verdict promises it to see. */
function check(outcome: CallOutcome, caller: Caller, expected: Expected): void {
  const about = `${JSON.stringify(caller)}: ${JSON.stringify(outcome)}`;
  switch (expected.verdict) {
    case "forward":
      assert.ok("status" in outcome, about);
      assert.deepEqual([outcome.status, outcome.body], [200, "application"], about);
      break;
    case "forbidden":
      assert.ok("status" in outcome, about);
      assert.deepEqual([outcome.status, outcome.body], [403, "RBAC: access denied"], about);
      break;
    case "tls-alert":
      assert.ok("error" in outcome, about);
      // Node sends an alert for the missing certificate only; of the others the caller sees the end of the connection.
      if (expected.reason === "certificate-missing") assert.match(outcome.error, /ALERT_CERTIFICATE_REQUIRED/, about);
      break;
    case "close":
      assert.ok("error" in outcome, about);
      assert.doesNotMatch(outcome.error, /ALERT_(?:CERT|UNKNOWN_CA|BAD)/, about);
      break;
  }
}
