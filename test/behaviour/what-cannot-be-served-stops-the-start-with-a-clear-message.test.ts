import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { before, test } from "node:test";
import { TestMesh } from "../support/mesh/mesh.ts";
import { spawnSidecar, type SidecarOptions, type TestSidecar } from "../support/process/sidecar.ts";

let mesh: TestMesh;

before(async () => {
  mesh = await TestMesh.create();
});

/** Starts what must not start, and looks for the problem in its log lines. */
async function refusesToStart(options: Partial<SidecarOptions>, expected: RegExp, code = 1): Promise<TestSidecar> {
  await using sidecar = await spawnSidecar({ manifests: [], backends: [{ app: 1 }], ...options });
  const exited = await sidecar.exited();
  const problems = sidecar.log.lines.map((line) => JSON.stringify(line["problem"] ?? "")).join("\n");
  assert.match(problems, expected);
  assert.equal(exited.code, code, sidecar.log.toString());
  assert.deepEqual(sidecar.log.foreign, []);
  assert.doesNotMatch(sidecar.log.toString(), /\bat .*\.ts:\d+/, "where in the code it was thrown helps nobody");
  return sidecar;
}

test("a key that belongs to another certificate", async () => {
  const other = await mesh.authority.issue({ sans: ["dns:x"] });
  await refusesToStart({ tls: { ...mesh.own, keyPem: other.keyPem } }, /tls\.key does not belong to .*tls\.crt/);
});

test("a certificate, key or CA bundle that is no PEM, is empty or holds no CA", async () => {
  await refusesToStart({ tls: { ...mesh.own, certPem: "nonsense" } }, /tls\.crt holds no certificate/);
  await refusesToStart({ tls: { ...mesh.own, keyPem: "nonsense" } }, /tls\.key cannot be used/);
  await refusesToStart({ tls: { ...mesh.own, caPem: "" } }, /ca\.crt holds no certificate/);
  await refusesToStart({ tls: { ...mesh.own, caPem: mesh.own.certPem } }, /ca\.crt holds no CA certificate/);
});

test("a certificate that has ended", async () => {
  const ended = await mesh.authority.issue({
    sans: ["dns:x"],
    notBefore: new Date(Date.now() - 7_200_000),
    notAfter: new Date(Date.now() - 3_600_000),
  });
  await refusesToStart({ tls: { ...ended, caPem: mesh.own.caPem } }, /tls\.crt ended on/);
});

test("files that are not there", async () => {
  const missing = "/nowhere/tls.crt";
  await refusesToStart(
    { flags: [`--tls-cert=${missing}`, "--tls-key=/nowhere/tls.key", "--tls-ca=/nowhere/ca.crt"] },
    /Cannot read --tls-cert \/nowhere\/tls\.crt: ENOENT/,
  );
  await refusesToStart({ flags: [`--tls-cert=${missing}`] }, /tls-key/, 2);
});

test("a directory of manifests that is not there", async () => {
  await refusesToStart(
    { manifests: undefined, flags: ["--manifests=/nowhere"] },
    /Cannot read the manifests in \/nowhere: ENOENT/,
  );
});

test("a port that is bound already is named", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  await refusesToStart(
    { backends: [], flags: [`--backend=port=80,listen=127.0.0.1:${port},app=127.0.0.1:1`] },
    new RegExp(`127\\.0\\.0\\.1:${port}.*(?:in use|EADDRINUSE)`),
  );
  await refusesToStart({ adminPort: port }, new RegExp(`127\\.0\\.0\\.1:${port}.*EADDRINUSE`));
  holder.close();
});

test("unknown flags and bad values are all named at once", async () => {
  const sidecar = await refusesToStart(
    { flags: ["--wrokers=2", "--drain-deadline=soon", "--max-headers=-1", "--log-level=loud"] },
    /wrokers/,
    2,
  );
  const problems = sidecar.log.lines.map((line) => String(line["problem"])).join("\n");
  for (const name of ["--wrokers", "drain-deadline", "max-headers", "log-level"])
    assert.match(problems, new RegExp(name));
});

test("a certificate that becomes unreadable later is reported, and the process stays ready", async () => {
  await using sidecar = await spawnSidecar({ manifests: [], backends: [{ app: 1 }], tls: mesh.own });
  await sidecar.ready();
  writeFileSync(join(sidecar.directory, "tls.crt"), "nonsense");
  const line = await sidecar.log.next({ level: "error" });
  assert.match(String(line["problem"]), /tls\.crt holds no certificate/);
  const from = sidecar.log.lines.length;
  rmSync(join(sidecar.directory, "tls.crt"));
  await sidecar.log.next((entry) => /tls\.crt: ENOENT/.test(String(entry["problem"])), { from });
  assert.equal((await sidecar.admin("/readyz")).status, 200);
});
