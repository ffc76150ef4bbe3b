import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { call, connect, exchange } from "../support/caller/caller.ts";
import { makeCertificate, makeKeys, type Made } from "../support/mesh/certificates.ts";
import { mutual, policy, principal } from "../support/mesh/objects.ts";
import { until } from "../support/until.ts";
import {
  spawnSidecar,
  startSidecar,
  writeCredentials,
  type SidecarOptions,
  type TestSidecar,
} from "../support/process/sidecar.ts";

const EDGE = "edge.gateways.cluster.local";
const root = makeCertificate({ subject: "root", ca: true });
const edge = makeCertificate({ subject: "edge", issuer: root, dns: [EDGE] });
let application: TestApplication;

before(async () => {
  application = await startApplication();
});

after(async () => {
  await application[Symbol.asyncDispose]();
});

/** @param begins milliseconds from now, as `ends` */
const ownOf = (begins: number, ends: number): Made =>
  makeCertificate({ subject: "foo", issuer: root, dns: ["foo.test.cluster.local"], begins, ends });

function optionsOf(own: Made, caPem = root.certPem): SidecarOptions {
  return {
    manifests: [policy([mutual], [principal(EDGE)])],
    backends: [{ app: application.port }],
    tls: { ...own, caPem },
  };
}

/** Dates are given to a process that runs: a start takes longer than they last where the machine is busy. */
function replace(sidecar: TestSidecar, own: Made): void {
  writeCredentials(sidecar.directory, { ...own, caPem: root.certPem });
}

test("at the start a certificate that is not valid yet is said, and readiness waits for its day", async () => {
  await using sidecar = await spawnSidecar(optionsOf(ownOf(3_600_000, 7_200_000)));
  await sidecar.log.next({ level: "error", message: "the certificate is not valid yet: not ready" });
  await until("nothing but the certificate keeps it from being ready", async () => {
    const answer = await sidecar.admin("/readyz").catch(() => undefined);
    const { reasons = [] } = ((await answer?.json()) ?? {}) as { readonly reasons?: readonly string[] };
    return /^own-certificate-not-yet-valid: our own certificate .* is not valid before 20\d\d-\S+$/.test(
      reasons.join(),
    );
  });
  const own = ownOf(3_000, 3_600_000);
  replace(sidecar, own);
  await sidecar.ready();
  assert.ok(Date.now() >= Date.parse(new X509Certificate(own.certPem).validFrom));
});

test("less than a third, less than a tenth, the end: each is said once, and the end is not ready", async () => {
  await using sidecar = await startSidecar(optionsOf(ownOf(-1_000, 3_600_000)));
  replace(sidecar, ownOf(-40_000, 12_000));
  const [third, tenth] = ["third", "tenth"].map(
    (part) => `less than a ${part} of the certificate's life is left: it should have been renewed`,
  );
  await sidecar.log.next({ level: "warn", message: third });
  await sidecar.log.next({ level: "warn", message: tenth });
  const metrics = await (await sidecar.admin("/metrics")).text();
  const left = Number(/^postern_certificate_life_left_ratio (\S+)$/m.exec(metrics)?.[1]);
  assert.ok(left <= 0.1, String(left));
  const end = "the certificate has ended: not ready";
  await sidecar.log.next({ level: "error", message: end });
  assert.equal((await sidecar.admin("/readyz")).status, 503);
  for (const message of [third, tenth, end]) assert.equal(sidecar.log.all({ message }).length, 1, message);
  const from = sidecar.log.lines.length;
  replace(sidecar, ownOf(-1_000, 3_600_000));
  await sidecar.log.next({ message: "certificate replaced" }, { from });
  await sidecar.ready();
});

test("a pair of which half is written is an alert, and the former one is still shown", async () => {
  const own = ownOf(-1_000, 3_600_000);
  await using sidecar = await startSidecar(optionsOf(own));
  const next = ownOf(-1_000, 3_600_000);
  writeFileSync(join(sidecar.directory, "tls.crt"), next.certPem);
  const line = await sidecar.log.next({
    level: "error",
    message: "new certificate files cannot be used; the former ones stay in force",
  });
  assert.match(String(line["problem"]), /tls\.key does not belong to the certificate in --tls-cert/);
  const unusable = async (): Promise<boolean> =>
    /^postern_certificate_files_unusable 1$/m.test(await (await sidecar.admin("/metrics")).text());
  assert.equal(await unusable(), true);
  assert.equal((await call({ port: sidecar.port(), tls: { ca: root.certPem, pair: edge } })).status, 200);
  writeFileSync(join(sidecar.directory, "tls.key"), next.keyPem);
  await sidecar.log.next({ message: "certificate files can be used again" });
  assert.equal(await unusable(), false);
});

test("a CA that is renewed with its key, beside the old one, cuts nobody when the bundle changes later", async () => {
  const keys = makeKeys();
  const old = makeCertificate({ subject: "mesh", ca: true, keys, begins: -3_600_000, ends: -1_000 });
  const renewed = makeCertificate({ subject: "mesh", ca: true, keys });
  const own = makeCertificate({ subject: "foo", issuer: renewed, dns: ["foo.test.cluster.local"] });
  const pair = makeCertificate({ subject: "edge", issuer: renewed, dns: [EDGE] });
  const caPem = old.certPem + renewed.certPem;
  await using sidecar = await startSidecar(optionsOf(own, caPem));
  const socket = (await connect({ port: sidecar.port(), tls: { ca: renewed.certPem, pair } })) as TLSSocket;
  assert.equal((await exchange(socket, {})).status, 200);
  writeFileSync(join(sidecar.directory, "ca.crt"), caPem + root.certPem);
  await sidecar.log.next({ message: "certificate replaced" });
  for (;;) {
    // The new CA's caller comes in once the thread has the bundle.
    const outcome = await call({ port: sidecar.port(), tls: { ca: renewed.certPem, pair: edge } }).catch(
      () => undefined,
    );
    if (outcome?.status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.equal((await exchange(socket, {})).status, 200);
  socket.destroy();
});
