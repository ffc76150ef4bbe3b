/** The controller against a real API server: certificates by request, the injector and the validator as the API server calls them. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { checkServerIdentity } from "node:tls";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import type { ApiObject, ManifestLike } from "../support/api-server/api-caller.ts";
import { startApplication } from "../support/application/application.ts";
import { call, tryCall } from "../support/caller/caller.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";
import { sliceOf } from "../discovery/kubernetes/suite/objects.ts";
import { backend, policy, principal, range } from "../support/mesh/objects.ts";
import { type ControllerReplica, GATEWAY, MESH, MeshCluster, NAMES, podOf } from "./mesh-cluster.ts";

const GATEWAY_NAME = "osm-contour-envoy.osm-system.cluster.local";

let cluster: MeshCluster;
let replicas: readonly ControllerReplica[] = [];

before(async () => {
  cluster = await MeshCluster.start();
  replicas = [await cluster.replica("one"), await cluster.replica("two")];
  await Promise.all(replicas.map((replica) => replica.ready()));
  await cluster.route(...replicas);
});

after(async () => {
  for (const replica of replicas) await replica[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

/** A pod that the API server has admitted, by whatever webhooks. */
async function createPod(namespace: string, name: string, account: string): Promise<ApiObject> {
  await cluster.account(namespace, account);
  return cluster.api.create(podOf(namespace, name, account));
}

describe("two replicas", () => {
  test("are ready, and one of them leads", async () => {
    await until("one leads", async () => {
      const said = await Promise.all(replicas.map((replica) => replica.readiness()));
      assert.deepEqual(
        said.map((one) => one?.ready),
        [true, true],
      );
      return said.filter((one) => one?.leads === true).length === 1;
    });
    const { spec } = (await cluster.read("coordination.k8s.io/v1", "Lease", MESH.namespace, NAMES.controller)) as {
      readonly spec?: { readonly holderIdentity?: string };
    };
    assert.match(spec?.holderIdentity ?? "", /^(?:one|two)_/);
  });

  test("publish one CA as Secret, as ConfigMap of the mesh's namespaces only, and as ClusterTrustBundle", async () => {
    const { "ca.crt": bundle = "" } = await cluster.secret("osm-ca-bundle", "ca.crt");
    assert.ok(new X509Certificate(bundle).ca);
    assert.equal(bundle.match(/BEGIN CERTIFICATE/g)?.length, 1);
    await until("the ConfigMap is there", async () => {
      const map = await cluster.read("v1", "ConfigMap", "test", "osm-ca-bundle");
      return (map?.["data"] as { readonly "ca.crt"?: string } | undefined)?.["ca.crt"] === bundle;
    });
    assert.equal(await cluster.read("v1", "ConfigMap", "other", "osm-ca-bundle"), undefined);
    await until("the ClusterTrustBundle is there", async () => {
      const found = await cluster.read("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "", NAMES.trustBundle);
      const spec = found?.["spec"] as { readonly signerName?: string; readonly trustBundle?: string } | undefined;
      return spec?.signerName === NAMES.signer && spec.trustBundle === bundle;
    });
  });

  test("issue the gateway's certificate with OSM's name, for a client", async () => {
    const { "tls.crt": cert = "", "ca.crt": ca = "" } = await cluster.secret(
      GATEWAY.secret,
      "tls.crt",
      "tls.key",
      "ca.crt",
    );
    const certificate = new X509Certificate(cert);
    assert.equal(certificate.subjectAltName, `DNS:${GATEWAY_NAME}`);
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
    assert.ok(certificate.verify(new X509Certificate(ca).publicKey));
    const life = certificate.validToDate.getTime() - certificate.validFromDate.getTime();
    assert.ok(Math.abs(life - 86_400_000) <= 400_000, `${life} ms`);
  });

  test("bring what a namespace needs when it is labelled", async () => {
    await cluster.namespace("later", { [MONITORED_LABEL]: MESH.name });
    await until("the ConfigMap and the RoleBinding are there", async () => {
      const map = await cluster.read("v1", "ConfigMap", "later", "osm-ca-bundle");
      const binding = await cluster.read("rbac.authorization.k8s.io/v1", "RoleBinding", "later", NAMES.sidecarRole);
      return map !== undefined && binding !== undefined;
    });
    await until("its accounts may ask for certificates", async () => {
      const binding = await cluster.read(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "",
        NAMES.sidecarClusterRole,
      );
      return JSON.stringify(binding?.["subjects"] ?? []).includes("system:serviceaccounts:later");
    });
  });
});

describe("the injector", () => {
  test("adds the sidecar to a pod of the mesh, with the ports of its Services and its certificate by request", async () => {
    await cluster.api.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "injected", namespace: "test" },
      spec: { selector: { app: "injected" }, ports: [{ port: 80, targetPort: 14_001 }] },
    });
    const pod = await createPod("test", "injected", "injected");
    const text = JSON.stringify(pod["spec"]);
    for (const part of ['"name":"postern"', "port=80,", "port=14001,", `--csr-signer=${NAMES.signer}`, "osm-ca-bundle"])
      assert.ok(text.includes(part), `${part} is missing in ${text}`);
  });

  test("leaves alone what is not of the mesh, and what says so", async () => {
    const outside = await createPod("other", "outside", "outside");
    assert.doesNotMatch(JSON.stringify(outside["spec"]), /postern/);
    const pod = podOf("test", "silent", "injected");
    const annotations = { "openservicemesh.io/sidecar-injection": "disabled" };
    const silent = await cluster.api.create({ ...pod, metadata: { ...pod.metadata, annotations } });
    assert.doesNotMatch(JSON.stringify(silent["spec"]), /postern/);
  });

  test("refuses what it cannot inject, with the field and what to change", async () => {
    const pod = podOf("test", "on-host", "injected");
    const spec = { ...(pod["spec"] as object), hostNetwork: true };
    const { status, body } = await cluster.api.call("POST", "/api/v1/namespaces/test/pods", { ...pod, spec });
    assert.equal(status, 403, JSON.stringify(body));
    assert.match(body.message ?? "", /spec\.hostNetwork/);
  });
});

describe("the validator", () => {
  const path = "/apis/policy.openservicemesh.io/v1alpha1/namespaces/test/ingressbackends";
  const named = (name: string, ...backends: readonly ReturnType<typeof backend>[]): ManifestLike =>
    policy(backends, [range("10.0.0.0/8")], `test/${name}`) as ManifestLike;

  test("refuses a conflict and a wrong object in OSM's words", async () => {
    await cluster.api.apply(named("first", backend("foo", 81, "http")));
    const conflict = await cluster.api.call("POST", path, named("second", backend("foo", 81, "http")));
    assert.equal(conflict.status, 403);
    assert.ok(
      conflict.body.message?.includes(
        "duplicate backends detected\n[+] IngressBackend test/second conflicts with test/first:\nBackend foo specified in second and first conflicts",
      ),
      conflict.body.message,
    );
    const { body } = await cluster.api.call("POST", path, named("third", backend("foo", 82, "ftp")));
    assert.match(
      body.message ?? "",
      /denied the request: Expected 'port\.protocol' to be 'http' or 'https', got: ftp$/,
    );
  });

  test("does not stand in the way of objects that were wrong before", async () => {
    // Admitted while the namespace was not of the mesh.
    const other = (object: ManifestLike): ManifestLike => ({
      ...object,
      metadata: { ...object.metadata, namespace: "other" },
    });
    await cluster.api.apply(other(named("wrong", backend("foo", 83, "ftp"))));
    await cluster.namespace("other", { [MONITORED_LABEL]: MESH.name });
    try {
      const changed = other(named("wrong", backend("foo", 83, "ftp"), backend("bar", 84, "http")));
      await cluster.api.replace(changed);
      await cluster.api.replace({ ...changed, metadata: { ...changed.metadata, labels: { a: "b" } } });
      const worse = other(named("wrong", backend("foo", 83, "ftp"), backend("bar", 84, "smtp")));
      await assert.rejects(cluster.api.replace(worse), /got: smtp/);
      await cluster.api.replace(other(named("wrong", backend("foo", 83, "http"))));
    } finally {
      await cluster.namespace("other");
    }
  });
});

describe("a sidecar", () => {
  test("gets its certificate by request and serves the gateway over mTLS", async () => {
    const began = performance.now();
    const pod = await createPod("test", "shop-1", "shop");
    await cluster.api.apply(
      policy(
        [backend("shop", 80, "https")],
        [range("127.0.0.0/8"), principal(GATEWAY_NAME)],
        "test/shop",
      ) as ManifestLike,
      sliceOf("test/shop", "shop-1", ["10.99.2.1"]),
    );
    const map = await cluster.read("v1", "ConfigMap", "test", "osm-ca-bundle");
    const bundle = join(cluster.directory, "ca.crt");
    const data = map?.["data"] as { readonly "ca.crt": string } | undefined;
    writeFileSync(bundle, data?.["ca.crt"] ?? "");
    await using application = await startApplication();
    await using sidecar = await startSidecar({
      manifests: undefined,
      services: [],
      backends: [{ app: application.port }],
      flags: [
        "--kubernetes",
        `--kubeconfig=${await cluster.kubeconfig("test", "shop", pod)}`,
        "--pod-ip=10.99.2.1",
        "--pod-name=shop-1",
        `--csr-signer=${NAMES.signer}`,
        "--service-account=shop",
        `--tls-ca=${bundle}`,
      ],
    });
    const gateway = await cluster.secret(GATEWAY.secret, "tls.crt", "tls.key", "ca.crt");
    const pair = { certPem: gateway["tls.crt"] ?? "", keyPem: gateway["tls.key"] ?? "" };
    const options = { checkServerIdentity };
    const servername = "shop.test.cluster.local";
    const answer = await call({
      port: sidecar.port(),
      tls: { ca: gateway["ca.crt"] ?? "", pair, servername, options },
    });
    assert.equal(answer.status, 200);
    console.log(`from the pod's creation to its first mTLS request: ${Math.round(performance.now() - began)} ms`);
    assert.ok("error" in (await tryCall({ port: sidecar.port(), tls: { ca: gateway["ca.crt"] ?? "" } })));
    const loaded = await sidecar.log.next({ message: "certificate loaded" });
    assert.deepEqual(loaded["names"], ["dns:shop.test.cluster.local"]);
  });
});

describe("while no replica answers", () => {
  test("no pod of the mesh starts unguarded, objects can still be read and deleted, and other namespaces notice nothing", async () => {
    await cluster.api.apply(podOf("test", "before", "shop"));
    for (const replica of replicas) assert.equal(await replica.stop(), 0);
    const { status, body } = await cluster.api.call(
      "POST",
      "/api/v1/namespaces/test/pods",
      podOf("test", "late", "shop"),
    );
    assert.equal(status, 500, JSON.stringify(body));
    assert.match(body.message ?? "", /failed calling webhook "injector\.postern\.dev"/);
    await cluster.api.create(podOf("other", "late", "shop"));
    await cluster.api.delete(podOf("test", "before", "shop"));
  });
});
