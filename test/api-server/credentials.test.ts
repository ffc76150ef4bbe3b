/** Tokens that expire and rotate, CAs that change: in a pod and with a kubeconfig. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { resolveCredentials } from "../../src/api-server/api-credentials.ts";
import { inClusterCredentials } from "../../src/api-server/in-cluster.ts";
import { TestAuthority } from "../support/mesh/authority.ts";
import { Follower } from "../support/api-server/follower.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { EDGE, OTHER, edgeSlice, letIn } from "../discovery/kubernetes/suite/objects.ts";

const everything = { name: "sidecar", may: () => true };

/** As the kubelet mounts it. */
function mount(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
}

function inPod(cluster: StandInCluster, directory: string, monotonic = (): number => performance.now()) {
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(cluster.link.port) };
  return inClusterCredentials({ env, directory, monotonic });
}

test("in a pod the service account's files are used, and a rotated token is picked up", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  mount(directory.path, { token: "first\n", "ca.crt": cluster.authority.certPem });
  cluster.server.accounts.grant("first", everything);
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  let now = 0;
  await using follower = await Follower.start({ credentials: inPod(cluster, directory.path, () => now) });
  await follower.until("the gateway is let in", () => follower.allows(EDGE) && cluster.server.watches.length === 3);
  mount(directory.path, { token: "second\n" });
  cluster.server.accounts.grant("second", everything);
  now += 61_000;
  cluster.server.endWatches();
  const isNew = (): boolean => cluster.server.calls.at(-1)?.authorization === "Bearer second";
  await follower.until("the new token is used before the old one is refused", isNew);
  assert.equal(follower.failures("unauthorized"), 0);
});

test("a token that expired: the data stands, the log says 401, and the refusal has the next token read", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  mount(directory.path, { token: "first", "ca.crt": cluster.authority.certPem });
  cluster.server.accounts.grant("first", everything);
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  // A clock that stands still: only the refusal can be why the file is read again.
  await using follower = await Follower.start({ credentials: inPod(cluster, directory.path, () => 0) });
  await follower.until("the gateway is let in", () => follower.allows(EDGE) && cluster.server.watches.length === 3);
  cluster.server.accounts.revoke("first");
  cluster.server.endWatches();
  await follower.until("the refusal is told", () => follower.failures("unauthorized") > 2);
  assert.ok(follower.said(/does not accept our credentials \(401\); check that the service account exists/));
  assert.ok(follower.allows(EDGE));
  mount(directory.path, { token: "second" });
  cluster.server.accounts.grant("second", everything);
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("the new token is in use", () => follower.allows(OTHER));
});

test("a token file that is gone for a moment is an error of its own and ends nothing", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  mount(directory.path, { "ca.crt": cluster.authority.certPem });
  cluster.server.accounts.grant("late", everything);
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  await using follower = await Follower.start({ credentials: inPod(cluster, directory.path) });
  await follower.until("it is told", () => follower.failures("credentials") > 0);
  assert.ok(follower.said(/our own credentials cannot be read/));
  mount(directory.path, { token: "late" });
  await follower.until("it is read when it is there", () => follower.allows(EDGE));
});

test("a CA that rotates is read for the next connection; a server that it does not vouch for is not believed", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  mount(directory.path, { token: "first", "ca.crt": cluster.authority.certPem });
  cluster.server.accounts.grant("first", everything);
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  await using follower = await Follower.start({ credentials: inPod(cluster, directory.path) });
  await follower.until("the gateway is let in", () => follower.allows(EDGE));
  const authority = await TestAuthority.create("CN=next cluster CA");
  const pair = await authority.issue({ sans: ["ip:127.0.0.1"] });
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("the change is followed", () => follower.allows(OTHER));
  cluster.server.rotate(pair.certPem, pair.keyPem);
  cluster.link.cut();
  await follower.until("the stranger is refused", () => follower.failures("untrusted") > 1);
  assert.ok(follower.said(/certificate is not trusted; check the CA/));
  assert.ok(follower.allows(OTHER));
  mount(directory.path, { "ca.crt": authority.certPem });
  await follower.until("the new CA is read", () => follower.discovery.counts().openConnections === 1);
});

test("outside a pod a kubeconfig is read as kubectl reads it, insecure-skip-tls-verify with a warning", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  const server = `https://127.0.0.1:${String(cluster.link.port)}`;
  const path = join(directory.path, "config");
  const write = (settings: object): void =>
    writeFileSync(
      path,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "c", cluster: { server, ...settings } }],
        users: [{ name: "u", user: { token: cluster.credentials().token } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  const ca = Buffer.from(cluster.authority.certPem).toString("base64");
  for (const [settings, warned] of [
    [{ "certificate-authority-data": ca }, false],
    [{ "insecure-skip-tls-verify": true }, true],
  ] as const) {
    write(settings);
    const warnings: string[] = [];
    const credentials = await resolveCredentials({ kubeconfig: path, env: {}, warn: (text) => warnings.push(text) });
    await using follower = await Follower.start({ credentials });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    assert.equal(
      warnings.some((text) => text.includes("insecure-skip-tls-verify")),
      warned,
    );
  }
});

test("what cannot be used as credentials stops the start and says what to do", async () => {
  using directory = temporaryDirectory();
  const resolve = (kubeconfig?: string) =>
    resolveCredentials({ env: {}, warn: () => {}, ...(kubeconfig !== undefined && { kubeconfig }) });
  await assert.rejects(resolve(), /not in a cluster: .*give --kubeconfig FILE or --manifests DIR/);
  await assert.rejects(resolve(join(directory.path, "missing")), /kubeconfig .*missing cannot be used/);
  const path = join(directory.path, "empty");
  writeFileSync(path, JSON.stringify({ apiVersion: "v1", kind: "Config" }));
  await assert.rejects(resolve(path), /current-context names no cluster/);
});
