/** `postern install`, `check` and `uninstall` against a real API server and its controllers. The test marks pods as ready. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { runCheck } from "../../src/cli/check.ts";
import { runInstall } from "../../src/cli/install.ts";
import { runUninstall } from "../../src/cli/uninstall.ts";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import { INSTALLED_LABEL, VERSION_LABEL } from "../../src/install/names.ts";
import { VERSION } from "../../src/telemetry/version.ts";
import type { ApiObject, ManifestLike } from "../support/api-server/api-caller.ts";
import { runCommand, type CommandResult } from "../support/process/command.ts";
import { until } from "../support/until.ts";
import { cachedManifest } from "../lab/contour/obtain-contour.ts";
import { cachedBinaries } from "./control-plane/build.ts";
import { type ControllerReplica, MESH, MeshCluster, NAMES, podOf } from "./mesh-cluster.ts";
import { ReadyPods } from "./ready-pods.ts";
import { NODE_ADDRESS } from "./real-cluster.ts";

const contour = await cachedManifest(process.env);
const withContour = contour === undefined ? [] : [`--with-contour=${contour}`];
const skip = contour === undefined ? "Contour's manifest is not to be had here: npm run test:lab obtains it" : false;

let cluster: MeshCluster;
let replica: ControllerReplica | undefined;
let pods: ReadyPods;

before(async () => {
  cluster = await MeshCluster.start({ bare: true });
  pods = await ReadyPods.start(cluster.api, MESH.namespace);
});

after(async () => {
  await pods?.[Symbol.asyncDispose]();
  await replica?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

type Command = Parameters<typeof runCommand>[0];

function command(run: Command, ...argv: readonly string[]): Promise<CommandResult> {
  return runCommand(run, `--kubeconfig=${join(cluster.plane.directory, "kubeconfig")}`, ...argv);
}

/** The controller's process, once there is an account for it, at the address that its pods are said to have. */
async function startController(): Promise<void> {
  await until("the controller's Deployment is there", async () => (await deployment()) !== undefined);
  replica = await cluster.replica("one");
  await replica.ready();
}

function deployment(): Promise<ApiObject | undefined> {
  return cluster.read("apps/v1", "Deployment", MESH.namespace, NAMES.controller);
}

const OSM: ManifestLike = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "osm-controller", namespace: "default", labels: { app: "osm-controller", meshName: "osm" } },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: "osm-controller" } },
    template: {
      metadata: { labels: { app: "osm-controller" } },
      spec: { containers: [{ name: "osm", image: "osm" }] },
    },
  },
};

describe("a cluster without a mesh", () => {
  test("passes the check, which says what to do next", async () => {
    const { code, stdout } = await command(runCheck);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^ok {7}Kubernetes v\d+\./m);
    assert.match(stdout, /^note {5}mesh 'osm' is not installed: postern install --apply --with-contour$/m);
  });

  test("that has Open Service Mesh is left alone until a flag is given", async () => {
    await cluster.api.apply(OSM);
    const found = /Open Service Mesh runs in namespace default as mesh 'osm'; --beside-osm installs all the same/;
    const checked = await command(runCheck);
    assert.equal(checked.code, 1);
    assert.match(checked.stdout, found);
    const refused = await command(runInstall, "--apply");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, found);
    const beside = await command(runInstall, "--apply", "--beside-osm");
    assert.equal(beside.code, 1);
    assert.match(beside.stderr, /injects into the namespaces of mesh 'osm' too; choose another --mesh-name/);
    assert.equal(await cluster.read("v1", "Namespace", "", MESH.namespace), undefined);
    await cluster.api.delete(OSM);
  });
});

/** Of one command, on a machine that does other things too. */
const KUBECTL_MS = 150_000;
const PATIENT = { timeout: 300_000 };

async function kubectl(
  args: readonly string[],
  input = "",
): Promise<{ readonly code: number | null; readonly words: string }> {
  const binaries = await cachedBinaries(process.env);
  const { status, stderr } = spawnSync(binaries?.kubectl ?? "", [...cluster.plane.kubectlFlags, ...args], {
    input,
    encoding: "utf8",
    timeout: KUBECTL_MS,
  });
  return { code: status, words: stderr };
}

test(
  "what install prints is applied by kubectl, with Contour in two goes, and uninstalled as if --apply had done it",
  PATIENT,
  async () => {
    const other = ["--mesh-name=printed", "--namespace=printed-system"];
    const printed = await runCommand(runInstall, ...other, ...withContour);
    assert.equal(printed.code, 0);
    if (withContour.length > 0) {
      const first = await kubectl(["apply", "-f", "-"], printed.stdout);
      assert.equal(first.code, 1);
      assert.match(first.words, /no matches for kind "TLSCertificateDelegation"/);
      assert.equal(first.words.match(/no matches for kind/g)?.length, 1);
    }
    const applied = await kubectl(["apply", "-f", "-"], printed.stdout);
    assert.equal(applied.code, 0, applied.words);
    const removed = await command(runUninstall, ...other, "--delete-namespace", "--apply");
    assert.equal(removed.code, 0, removed.stderr);
    assert.match(removed.stdout, /^deleted Deployment printed-system\/postern-controller-printed$/m);
    assert.match(removed.stdout, /^deleted Namespace printed-system$/m);
    const deleted = ["delete", "customresourcedefinitions", "-l", `${INSTALLED_LABEL}=printed`, "--wait=false"];
    const definitions = await kubectl(deleted);
    assert.equal(definitions.code, 0, definitions.words);
    await until("the definitions of the printed mesh are gone", async () => (await pokedDefinitions("printed")) === 0);
  },
);

/**
 * The API server ends a definition when it can list its objects, which it cannot while it has just begun to serve them; after
 * each failure it waits twice as long, for minutes in the end, unless the definition changes.
 *
 * @returns how many are left
 */
async function pokedDefinitions(mesh: string): Promise<number> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const { items = [] } = await cluster.api.ask("GET", `${path}?labelSelector=${INSTALLED_LABEL}=${mesh}`);
  const change = { metadata: { annotations: { "postern.dev/test": String(Date.now()) } } };
  for (const { metadata } of items)
    await cluster.api.call("PATCH", `${path}/${metadata.name}`, change, "application/merge-patch+json");
  // Each change is in the way of what the API server writes at the same moment.
  if (items.length > 0) await delay(2_000);
  return items.length;
}

describe("install --apply", () => {
  test("brings everything, says each object, and returns when the mesh is ready", async () => {
    const starting = startController();
    const { code, stderr } = await command(runInstall, "--apply", "--timeout=2m", ...withContour);
    assert.equal(code, 0, stderr);
    await starting;
    assert.match(stderr, /^CustomResourceDefinition ingressbackends\.policy\.openservicemesh\.io: created$/m);
    assert.match(stderr, /^Deployment osm-system\/postern-controller-osm: created$/m);
    assert.match(stderr, /^waiting for Secret osm-system\/osm-ca-bundle: /m);
    assert.match(stderr, /^mesh 'osm' is ready; /m);
    await cluster.secret("osm-ca-bundle", "ca.crt");
    await cluster.secret("osm-contour-envoy-client-cert", "tls.crt", "tls.key", "ca.crt");
  });

  test("places Contour under the names of OSM, with the mesh's certificate", { skip }, async () => {
    const config = await cluster.read("v1", "ConfigMap", MESH.namespace, "contour");
    const text = (config?.["data"] as Readonly<Record<string, string>> | undefined)?.["contour.yaml"] ?? "";
    assert.match(text, /envoy-client-certificate:\n +name: osm-contour-envoy-client-cert\n +namespace: osm-system\n/);
    const service = await cluster.read("v1", "Service", MESH.namespace, "osm-contour-envoy");
    assert.match(JSON.stringify(service), /"selector":\{"app":"envoy"\}/);
    const namespace = await cluster.read("v1", "Namespace", "", MESH.namespace);
    assert.equal(labelsOf(namespace)[MONITORED_LABEL], MESH.name);
    await until("Contour's Envoys are endpoints of osm-contour-envoy", async () => {
      const path = `/apis/discovery.k8s.io/v1/namespaces/${MESH.namespace}/endpointslices?labelSelector=kubernetes.io/service-name=osm-contour-envoy`;
      return JSON.stringify((await cluster.api.ask("GET", path)).items).includes(NODE_ADDRESS);
    });
  });

  test("again changes nothing, and takes nothing of the controller's away", async () => {
    await cluster.namespace("member", { [MONITORED_LABEL]: MESH.name });
    await until("the controller has written into both", async () =>
      /caBundle.*system:serviceaccounts:member/.test(JSON.stringify(await written())),
    );
    const before = await written();
    const { code, stderr } = await command(runInstall, "--apply", ...withContour);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /: (?:created|changed)$/m);
    assert.deepEqual(await written(), before);
    await cluster.namespace("member");
  });

  test("gives a setting back that somebody has changed", async () => {
    const path = `/apis/apps/v1/namespaces/${MESH.namespace}/deployments/${NAMES.controller}`;
    await cluster.api.ask("PATCH", path, { spec: { replicas: 5 } }, "application/merge-patch+json");
    const { code, stderr } = await command(runInstall, "--apply", ...withContour);
    assert.equal(code, 0, stderr);
    assert.match(JSON.stringify((await deployment())?.["spec"]), /"replicas":2,/);
  });

  test("replaces another version only when it is told to", async () => {
    const path = `/apis/apps/v1/namespaces/${MESH.namespace}/deployments/${NAMES.controller}`;
    const older = { metadata: { labels: { [VERSION_LABEL]: "0.0.9" } } };
    await cluster.api.ask("PATCH", path, older, "application/merge-patch+json");
    const refused = await command(runInstall, "--apply", ...withContour);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Postern 0\.0\.9 runs mesh 'osm' in namespace osm-system; --upgrade replaces it with/);
    const upgraded = await command(runInstall, "--apply", "--upgrade", ...withContour);
    assert.equal(upgraded.code, 0, upgraded.stderr);
    assert.equal(labelsOf(await deployment())[VERSION_LABEL], VERSION);
  });

  test("refuses the same mesh in another namespace, and another mesh in the same", async () => {
    const moved = await command(runInstall, "--apply", "--namespace=elsewhere");
    assert.equal(moved.code, 1);
    assert.match(moved.stderr, /mesh 'osm' is in namespace osm-system already; use --namespace osm-system/);
    const second = await command(runInstall, "--apply", "--mesh-name=second");
    assert.equal(second.code, 1);
    assert.match(second.stderr, /namespace osm-system holds the Secrets of mesh 'osm'/);
  });

  test("says what is not ready when its time is over", async () => {
    const { code, stderr } = await command(
      runInstall,
      "--apply",
      "--mesh-name=slow",
      "--namespace=slow-system",
      "--timeout=2s",
    );
    assert.equal(code, 1);
    assert.match(
      stderr,
      /not ready in time: Deployment slow-system\/postern-controller-slow: 0 of 2 replicas are ready/,
    );
    const removed = await command(
      runUninstall,
      "--mesh-name=slow",
      "--namespace=slow-system",
      "--delete-namespace",
      "--apply",
    );
    assert.equal(removed.code, 0, removed.stderr);
    assert.match(removed.stdout, /^deleted Namespace slow-system$/m);
  });
});

describe("check", () => {
  test("passes on the mesh as it was installed", async () => {
    const { code, stdout } = await command(runCheck);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^ok {7}every workload of the mesh is ready/m);
    assert.match(stdout, /^ok {7}Secret osm-system\/osm-contour-envoy-client-cert: a certificate until /m);
    assert.match(stdout, /^note {5}no namespace is in the mesh yet/m);
  });

  test("names a namespace whose pods have no sidecar, and a source that matches nobody", async () => {
    await cluster.namespace("test");
    await cluster.account("test", "foo");
    await cluster.api.create(podOf("test", "early", "foo"));
    await cluster.namespace("test", { [MONITORED_LABEL]: MESH.name });
    await cluster.api.apply({
      apiVersion: "policy.openservicemesh.io/v1alpha1",
      kind: "IngressBackend",
      metadata: { name: "basic", namespace: "test" },
      spec: {
        backends: [{ name: "foo", port: { number: 80, protocol: "http" } }],
        sources: [{ kind: "Service", namespace: "default", name: "edge" }],
      },
    });
    const { code, stdout } = await command(runCheck);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^missing {2}namespace test: none of its 1 pods has a sidecar: kubectl -n test rollout restart/m,
    );
    assert.match(
      stdout,
      /^missing {2}IngressBackend test\/basic: its source default\/edge matches nobody: kubectl label/m,
    );
  });

  test("is satisfied when pods are made anew", async () => {
    await cluster.api.delete({ ...podOf("test", "early", "foo") });
    await cluster.api.delete({
      apiVersion: "policy.openservicemesh.io/v1alpha1",
      kind: "IngressBackend",
      metadata: { name: "basic", namespace: "test" },
    });
    await until("a pod is injected", async () => {
      const answer = await cluster.api.call("POST", "/api/v1/namespaces/test/pods", podOf("test", "late", "foo"));
      return answer.status === 201 && JSON.stringify(answer.body).includes("--csr-signer");
    });
    await until("the check passes", async () => (await command(runCheck)).code === 0);
    assert.match((await command(runCheck)).stdout, /^ok {7}namespace test: 1 pods, each with a sidecar$/m);
  });
});

describe("a Contour that is there already", { skip }, () => {
  const join = ["--gateway=contour", "--gateway-namespace=projectcontour"];

  test("keeps a second one out, and gets its change printed, applied, and then no more", async () => {
    const labels = { app: "contour" };
    await cluster.namespace("projectcontour");
    await cluster.api.apply(
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "contour", namespace: "projectcontour" },
        data: { "contour.yaml": "# mine\naccesslog-format: json\n" },
      },
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "contour", namespace: "projectcontour", labels },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: "contour", image: "contour" }] } },
        },
      },
    );
    const refused = await command(runInstall, "--apply", ...withContour);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Contour is in namespace projectcontour already/);
    const checked = await command(runCheck);
    assert.equal(checked.code, 1);
    assert.match(checked.stdout, /^missing {2}Contour in namespace projectcontour shows no certificate to backends/m);

    const printed = await command(runInstall, ...join);
    assert.equal(printed.code, 0, printed.stderr);
    assert.match(
      printed.stdout,
      /# mine\n +accesslog-format: json\n +tls:\n +envoy-client-certificate:\n +name: osm-contour-envoy-client-cert\n/,
    );
    assert.match(printed.stderr, /kubectl -n projectcontour rollout restart deployment contour/);
    const applied = await command(runInstall, ...join, "--apply");
    assert.equal(applied.code, 0, applied.stderr);
    const restarted = await cluster.read("apps/v1", "Deployment", "projectcontour", "contour");
    assert.match(JSON.stringify(restarted?.["spec"]), /kubectl\.kubernetes\.io\/restartedAt/);
    const again = await command(runInstall, ...join);
    assert.equal(again.stdout, "");
    assert.match(again.stderr, /Contour in namespace projectcontour has what it needs/);
    await cluster.namespace("projectcontour", { [MONITORED_LABEL]: MESH.name });
    assert.equal((await command(runCheck)).code, 0);
  });

  test("that is not there is said", async () => {
    const { code, stderr } = await command(runInstall, "--gateway=contour", "--gateway-namespace=nowhere");
    assert.equal(code, 1);
    assert.match(stderr, /ConfigMap nowhere\/contour is not there/);
  });
});

describe("uninstall", () => {
  test("lists first, and deletes nothing of it", async () => {
    const { code, stdout } = await command(runUninstall);
    assert.equal(code, 0);
    assert.match(stdout, /^would delete MutatingWebhookConfiguration postern-injector-osm$/m);
    assert.match(stdout, /^would delete Secret osm-system\/postern-ca-osm$/m);
    assert.match(stdout, /^would delete ConfigMap test\/osm-ca-bundle$/m);
    assert.ok(await deployment());
  });

  test("takes the mesh out, and leaves definitions and what is not ours", async () => {
    await cluster.api.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "mine", namespace: MESH.namespace },
    });
    await replica?.stop();
    const { code, stderr } = await command(runUninstall, "--apply");
    assert.equal(code, 0, stderr);
    const again = await command(runUninstall);
    assert.equal(again.stdout, "", again.stderr);
    assert.match(again.stderr, /nothing of mesh 'osm' is in the cluster/);
    assert.ok(await cluster.read("v1", "Secret", MESH.namespace, "mine"));
    const path = "/apis/policy.openservicemesh.io/v1alpha1/namespaces/test/ingressbackends";
    assert.equal((await cluster.api.call("GET", path)).status, 200);
    // No webhook stands in the way of pods any more.
    const bare = await cluster.api.create(podOf("test", "after", "foo"));
    assert.doesNotMatch(JSON.stringify(bare), /--csr-signer/);
  });
});

function labelsOf(object: ApiObject | undefined): Readonly<Record<string, string>> {
  return (object?.metadata as { readonly labels?: Record<string, string> } | undefined)?.labels ?? {};
}

/** What the controller has written into objects of install. */
async function written(): Promise<object> {
  const webhook = await cluster.read(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "",
    NAMES.injectorConfiguration,
  );
  const binding = await cluster.read(
    "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding",
    "",
    NAMES.sidecarClusterRole,
  );
  assert.equal(labelsOf(webhook)[INSTALLED_LABEL], MESH.name);
  return [webhook?.["webhooks"], binding?.["subjects"]];
}
