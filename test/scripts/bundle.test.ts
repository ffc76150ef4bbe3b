/** What the image holds: bundled files, with nothing of the checkout beside them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import packageJson from "../../package.json" with { type: "json" };
import { startApplication } from "../support/application/application.ts";
import { SpanReceiver } from "../support/application/span-receiver.ts";
import { tryCall } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { makeCertificate } from "../support/mesh/certificates.ts";
import { http as plain, mutual, policy, principal, range, service, slice } from "../support/mesh/objects.ts";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { svidOf, WorkloadApi } from "../support/workload-api/workload-api.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const SCRIPT = join(import.meta.dirname, "../../scripts/bundle.ts");

const directory = temporaryDirectory();
const out = join(directory.path, "postern");
const main = join(out, "postern.mjs");

before(() => {
  mkdirSync(out);
  execFileSync(process.execPath, [SCRIPT, out]);
});

after(() => directory[Symbol.dispose]());

test("the Node that runs it is the pinned one", () => {
  assert.equal(process.versions.node, packageJson.devDependencies.node);
});

test("--help names every command of the sources", () => {
  const help = (file: string): string => execFileSync(process.execPath, [file, "--help"]).toString();
  assert.equal(help(main), help(join(import.meta.dirname, "../../src/main.ts")));
});

test("without an output directory it says how it is used", () => {
  assert.throws(
    () => execFileSync(process.execPath, [SCRIPT], { stdio: "pipe" }),
    (error: Error & { readonly status?: number }) => error.status === 2 && /usage: .*OUT_DIR/.test(error.message),
  );
});

test("the bundled sidecar takes its certificate from a Workload API", async () => {
  const root = makeCertificate({ subject: "mesh", ca: true });
  const id = "spiffe://mesh.test/foo";
  const svid = svidOf(id, [makeCertificate({ subject: "foo", issuer: root, uris: [id] })], [root]);
  await using api = await WorkloadApi.start(join(directory.path, "agent.sock"), { svids: [svid] });
  await using sidecar = await startSidecar({
    main,
    manifests: [policy([mutual], [range("127.0.0.0/8"), principal(GATEWAY_NAME)])],
    backends: [{ app: 9 }],
    flags: [`--spiffe-endpoint=${api.endpoint}`],
    env: { NODE_ENV: "production" },
  });
  assert.deepEqual((await sidecar.log.next({ message: "certificate loaded" }))["names"], [`uri:${id}`]);
  assert.deepEqual(sidecar.log.foreign, []);
});

test("the bundled sidecar follows an API server, found by a kubeconfig", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(
    { ...slice("gateways/edge", "127.0.0.1") },
    { ...policy([plain], [service("gateways/edge")]) },
  );
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    main,
    manifests: undefined,
    backends: [{ app: application.port }],
    flags: [
      "--kubernetes",
      `--kubeconfig=${writeKubeconfig(join(directory.path, "kubeconfig"), cluster.credentials())}`,
    ],
  });
  const outcome = await tryCall({ port: sidecar.port() });
  assert.equal("status" in outcome && outcome.status, 200);
});

test("the bundled sidecar reads a configuration file, and sends its spans to a receiver", async () => {
  await using receiver = await SpanReceiver.start();
  await using application = await startApplication();
  const config = join(directory.path, "postern.yaml");
  writeFileSync(config, `otlp-endpoint: ${receiver.url}\naccess-log: false\n`);
  await using sidecar = await startSidecar({
    main,
    manifests: [policy([plain], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: [`--config=${config}`],
  });
  const outcome = await tryCall({ port: sidecar.port() });
  assert.equal("status" in outcome && outcome.status, 200);
  assert.equal(await sidecar.stop(), 0);
  assert.equal(receiver.spans.length, 1);
  assert.deepEqual(sidecar.log.foreign, []);
});

test("no file imports node:http: it is required, since an import loads Node's own undici", () => {
  const files = readdirSync(out).filter((name) => name.endsWith(".mjs"));
  const of = (pattern: RegExp): readonly string[] =>
    files.filter((name) => pattern.test(readFileSync(join(out, name), "utf8")));
  assert.notDeepEqual(of(/require\("node:http"\)/), []);
  assert.deepEqual(of(/^import .*"(?:node:)?http";$/m), []);
});

test("the bundled sidecar becomes ready, lets in and refuses in its threads and drains with 0", async () => {
  const mesh = await TestMesh.create();
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    main,
    manifests: [policy([mutual], [range("127.0.0.0/8"), principal(GATEWAY_NAME)])],
    backends: [{ app: application.port }],
    tls: mesh.own,
    workers: 2,
    env: { NODE_ENV: "production" },
  });
  const status = async (name: string): Promise<unknown> => {
    const outcome = await tryCall({ port: sidecar.port(), tls: await mesh.caller(name) });
    return "status" in outcome ? outcome.status : outcome.error;
  };
  assert.deepEqual([await status(GATEWAY_NAME), await status("other")], [200, 403]);
  assert.equal(await sidecar.stop(), 0);
  assert.deepEqual(sidecar.log.foreign, []);
});
