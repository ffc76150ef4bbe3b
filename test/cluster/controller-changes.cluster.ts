/** The controller over time: leaders that go, a CA that is rotated or given, OSM's MeshConfig, foreign objects, a second mesh. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import { meshNames } from "../../src/controller/names.ts";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import { splitPem } from "../../src/tls/x509/pem.ts";
import type { ManifestLike } from "../support/api-server/api-caller.ts";
import { TestAuthority } from "../support/mesh/authority.ts";
import { until } from "../support/until.ts";
import { GATEWAY, MESH, MeshCluster, NAMES, type ControllerReplica } from "./mesh-cluster.ts";

let cluster: MeshCluster;

before(async () => {
  cluster = await MeshCluster.start();
});
after(() => cluster[Symbol.asyncDispose]());

/** What the tests before have left; an unheld Lease lets the next leader begin at once. */
async function forget(...secrets: readonly string[]): Promise<void> {
  for (const name of secrets) await cluster.api.call("DELETE", `/api/v1/namespaces/${MESH.namespace}/secrets/${name}`);
  const path = `/apis/coordination.k8s.io/v1/namespaces/${MESH.namespace}/leases/${NAMES.controller}`;
  await cluster.api.call("DELETE", path);
}

async function leading(...replicas: readonly ControllerReplica[]): Promise<ControllerReplica> {
  let leader: ControllerReplica | undefined;
  await until("one of the replicas leads", async () => {
    for (const replica of replicas) if ((await replica.readiness())?.leads === true) leader = replica;
    return leader !== undefined;
  });
  return leader!;
}

const secretOf = (name: string): ManifestLike => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: MESH.namespace },
});

test("when the leader is killed another leads, and when it is asked to end another leads at once", async () => {
  await using one = await cluster.replica("one");
  await using two = await cluster.replica("two");
  await Promise.all([one.ready(), two.ready()]);
  const first = await leading(one, two);
  const second = first === one ? two : one;
  await cluster.secret(GATEWAY.secret, "tls.crt");
  await first.stop("SIGKILL");
  await cluster.api.delete(secretOf(GATEWAY.secret));
  await leading(second);
  await cluster.secret(GATEWAY.secret, "tls.crt");
  await using third = await cluster.replica("three");
  await third.ready();
  const asked = performance.now();
  const ended = second.stop();
  await leading(third);
  // Not the six seconds after which a silent leader is given up.
  assert.ok(performance.now() - asked < 5_000, `${performance.now() - asked} ms`);
  assert.equal(await ended, 0, second.log.toString());
});

test("a rotation publishes the next CA, then signs with it, and keeps the former one trusted", async () => {
  await using replica = await cluster.replica("one", "--ca-overlap=12s");
  await replica.ready();
  const before = await cluster.secret(GATEWAY.secret, "tls.crt", "ca.crt");
  assert.equal(splitPem(before["ca.crt"]!).length, 1);
  await cluster.api.ask(
    "PATCH",
    `/api/v1/namespaces/${MESH.namespace}/secrets/${NAMES.authoritySecret}`,
    { metadata: { annotations: { "postern.dev/rotate": "now" } } },
    "application/merge-patch+json",
  );
  await replica.log.next({ message: "next mesh CA made: published first, and signs after the overlap" });
  await until("both are published", async () => {
    const { "ca.crt": ca = "", "tls.crt": cert } = await cluster.secret(GATEWAY.secret, "tls.crt", "ca.crt");
    return splitPem(ca).length === 2 && cert === before["tls.crt"];
  });
  await replica.log.next((line) => String(line["message"]).startsWith("next mesh CA signs"));
  let now: Readonly<Record<string, string>> = {};
  await until("the gateway has a certificate of the next one", async () => {
    now = await cluster.secret(GATEWAY.secret, "tls.crt", "ca.crt");
    return now["tls.crt"] !== before["tls.crt"];
  });
  const roots = splitPem(now["ca.crt"]!).map((pem) => new X509Certificate(pem));
  const [former, next] = [before["tls.crt"]!, now["tls.crt"]!].map((pem) => new X509Certificate(pem));
  assert.equal(roots.length, 2);
  assert.ok(next!.verify(roots[0]!.publicKey));
  assert.ok(former!.verify(roots[1]!.publicKey));
  const map = await cluster.read("v1", "ConfigMap", "test", "osm-ca-bundle");
  assert.deepEqual(map?.["data"], { "ca.crt": now["ca.crt"] });
  assert.equal(await replica.stop(), 0);
});

test("a given intermediate CA signs, its root is published, and its Secret stays as it is", async () => {
  await forget(GATEWAY.secret);
  const root = await TestAuthority.create("CN=given root");
  const middle = await root.intermediate();
  const { certPem, keyPem } = await middle.authorityPair();
  const encoded = (text: string): string => Buffer.from(text).toString("base64");
  const given = {
    ...secretOf("given"),
    type: "kubernetes.io/tls",
    data: { "tls.crt": encoded(certPem), "tls.key": encoded(keyPem), "ca.crt": encoded(root.certPem) },
  };
  await cluster.api.apply(...cluster.objects({ givenAuthority: "given" }), given);
  const { resourceVersion } = (await cluster.api.read(given)).metadata;
  await using replica = await cluster.replica("one", "--ca-secret=given");
  await replica.ready();
  const { "tls.crt": cert = "", "ca.crt": bundle = "" } = await cluster.secret(GATEWAY.secret, "tls.crt", "ca.crt");
  const [leaf, above, ...more] = splitPem(cert).map((pem) => new X509Certificate(pem));
  assert.equal(more.length, 0);
  assert.ok(leaf!.verify(above!.publicKey) && above!.verify(new X509Certificate(root.certPem).publicKey));
  assert.equal(new X509Certificate(splitPem(bundle)[0]!).subject, "CN=given root");
  assert.equal((await cluster.api.read(given)).metadata.resourceVersion, resourceVersion);
  assert.equal(await replica.stop(), 0);
  await cluster.api.apply(...cluster.objects());
});

test("a CA that cannot be used is told, and nothing is signed", async () => {
  await forget(GATEWAY.secret);
  await cluster.api.apply(...cluster.objects({ givenAuthority: "leaf" }));
  const leaf = await (await TestAuthority.create()).issue({ sans: ["dns:a"] });
  const encoded = (text: string): string => Buffer.from(text).toString("base64");
  const data = { "tls.crt": encoded(leaf.certPem), "tls.key": encoded(leaf.keyPem) };
  await cluster.api.apply({ ...secretOf("leaf"), type: "kubernetes.io/tls", data });
  await using replica = await cluster.replica("one", "--ca-secret=leaf");
  const line = await replica.log.next({ message: "CA and bundle: cannot be done" });
  assert.match(String(line["problem"]), /Secret osm-system\/leaf: the first certificate of tls\.crt is no CA/);
  assert.equal(await cluster.read("v1", "Secret", MESH.namespace, GATEWAY.secret), undefined);
  await replica.stop();
  await cluster.api.apply(...cluster.objects());
});

test("the gateway of OSM's MeshConfig takes the place of the default, with its validity", async () => {
  await forget(GATEWAY.secret);
  await cluster.api.apply(
    ...cluster.objects({ gatewaySecrets: [GATEWAY, { ...GATEWAY, secret: "nginx-client-cert" }] }),
  );
  await cluster.defineMeshConfig();
  await cluster.api.create({
    apiVersion: "config.openservicemesh.io/v1alpha2",
    kind: "MeshConfig",
    metadata: { name: "osm-mesh-config", namespace: MESH.namespace },
    spec: {
      certificate: {
        serviceCertValidityDuration: "2h",
        ingressGateway: {
          secret: { name: "nginx-client-cert", namespace: MESH.namespace },
          subjectAltNames: ["ingress-nginx.ingress-nginx.cluster.local", "ignored.cluster.local"],
          validityDuration: "1h",
        },
      },
    },
  });
  await using replica = await cluster.replica("one");
  const { "tls.crt": cert = "" } = await cluster.secret("nginx-client-cert", "tls.crt");
  const certificate = new X509Certificate(cert);
  assert.equal(certificate.subjectAltName, "DNS:ingress-nginx.ingress-nginx.cluster.local");
  assert.ok(Math.abs(certificate.validToDate.getTime() - Date.now() - 3_600_000) < 120_000);
  assert.equal(await cluster.read("v1", "Secret", MESH.namespace, GATEWAY.secret), undefined);
  await replica.stop();
});

test("what somebody else has put in the place of an object is left there, and told", async () => {
  await forget(GATEWAY.secret, "nginx-client-cert");
  const foreign = { ...secretOf("osm-ca-bundle"), type: "Opaque", data: { "ca.crt": "", "private.key": "" } };
  await cluster.api.apply(foreign);
  await using replica = await cluster.replica("one");
  const line = await replica.log.next({ message: "CA and bundle: cannot be done" });
  assert.match(String(line["problem"]), /osm-ca-bundle is there and not the controller's: delete it, or hand it over/);
  const label = { "app.kubernetes.io/managed-by": "postern-controller" };
  await cluster.api.replace({ ...foreign, metadata: { ...foreign.metadata, labels: label } });
  await cluster.secret("osm-ca-bundle", "ca.crt");
  await replica.stop();
});

test("a second mesh of the cluster has its own CA, namespaces and rights, and touches none of the first", async () => {
  await forget();
  const mesh = { name: "second", namespace: "second-system", trustDomain: "cluster.local" };
  const names = meshNames(mesh.name);
  await cluster.namespace(mesh.namespace);
  await cluster.namespace("theirs", { [MONITORED_LABEL]: mesh.name });
  const gatewaySecrets = [{ ...GATEWAY, namespace: mesh.namespace }];
  await cluster.api.apply(...cluster.objects({ mesh, gatewaySecrets }));
  await using one = await cluster.replica("one");
  await using two = await cluster.replicaOf(mesh, "two");
  await Promise.all([one.ready(), two.ready()]);
  await Promise.all([leading(one), leading(two)]);
  const bundleOf = async (kind: string, namespace: string): Promise<string> => {
    const found = await cluster.read("v1", kind, namespace, "osm-ca-bundle");
    const text = (found?.["data"] as { readonly "ca.crt"?: string } | undefined)?.["ca.crt"] ?? "";
    return kind === "Secret" ? Buffer.from(text, "base64").toString() : text;
  };
  await until("each namespace has the bundle of its mesh", async () => {
    const [ours, theirs] = [await bundleOf("Secret", MESH.namespace), await bundleOf("Secret", mesh.namespace)];
    return (
      ours !== "" &&
      theirs !== "" &&
      ours !== theirs &&
      (await bundleOf("ConfigMap", "test")) === ours &&
      (await bundleOf("ConfigMap", "theirs")) === theirs
    );
  });
  const bound = async (name: string): Promise<string> => {
    const binding = await cluster.read("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", name);
    return JSON.stringify(
      ((binding?.["subjects"] ?? []) as readonly { readonly name: string }[]).map((one) => one.name),
    );
  };
  await until("each mesh's accounts are bound to its own role", async () => {
    const [ours, theirs] = [await bound(NAMES.sidecarClusterRole), await bound(names.sidecarClusterRole)];
    return ours === '["system:serviceaccounts:test"]' && theirs === '["system:serviceaccounts:theirs"]';
  });
  assert.equal(
    await cluster.read("rbac.authorization.k8s.io/v1", "RoleBinding", "theirs", NAMES.sidecarRole),
    undefined,
  );
  const refused = /forbidden|cannot be done/;
  for (const replica of [one, two])
    assert.deepEqual(
      replica.log.all(({ problem }) => refused.test(String(problem))),
      [],
    );
});
