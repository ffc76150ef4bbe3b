/** The Helm chart by real helm: the same objects as `postern install`, and a release at a real API server. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { runCheck } from "../../src/cli/check.ts";
import { runInstall } from "../../src/cli/install.ts";
import { runUninstall } from "../../src/cli/uninstall.ts";
import type { Manifest } from "../../src/controller/manifests/manifest.ts";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import { nameOf } from "../../src/install/names.ts";
import { runCommand, type CommandResult } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { until } from "../support/until.ts";
import { cachedBinaries } from "./control-plane/build.ts";
import { type ControllerReplica, MESH, MeshCluster, NAMES } from "./mesh-cluster.ts";
import { cachedHelm } from "./modules/helm.ts";
import { ReadyPods } from "./ready-pods.ts";

const CHART = join(import.meta.dirname, "../../config/chart");
/** Of a command, on a machine that does other things too. */
const COMMAND_MS = 120_000;

const program = await cachedHelm(process.env);
const skip = program === undefined ? "helm is not to be had here" : false;

interface Words {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], directory: string, input = ""): Words {
  const { status, stdout, stderr } = spawnSync(command, args, {
    input,
    encoding: "utf8",
    timeout: COMMAND_MS,
    maxBuffer: 16 * 1_048_576,
    env: { PATH: process.env["PATH"], HOME: directory, HELM_CACHE_HOME: directory },
  });
  return { code: status, stdout, stderr };
}

function helm(...args: readonly string[]): Words {
  using directory = temporaryDirectory();
  return run(program ?? "", args, directory.path);
}

interface Mesh {
  readonly name: string;
  readonly namespace: string;
  /** As a values file has them. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** What helm renders of the chart. */
function rendered({ name, namespace, values }: Mesh): readonly Manifest[] {
  using directory = temporaryDirectory();
  const file = join(directory.path, "values.json");
  writeFileSync(file, JSON.stringify({ "mesh-name": name, ...values }));
  const args = ["template", "door", CHART, "--include-crds", `--namespace=${namespace}`, `--values=${file}`];
  const { code, stdout, stderr } = run(program ?? "", args, directory.path);
  assert.equal(code, 0, stderr);
  return manifestsOf(stdout);
}

/** What `postern install` prints for the same values. */
async function printed({ name, namespace, values }: Mesh): Promise<readonly Manifest[]> {
  const settings = Object.entries(values).flatMap(([key, value]) =>
    (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map((one) => `--set=${key}=${settingOf(one)}`),
  );
  const argv = [`--mesh-name=${name}`, `--namespace=${namespace}`, ...settings];
  const { code, stdout, stderr } = await runCommand(runInstall, ...argv);
  assert.equal(code, 0, stderr);
  return manifestsOf(stdout);
}

function settingOf(value: unknown): string {
  return typeof value === "object" && value !== null
    ? Object.entries(value)
        .map((entry) => entry.join("="))
        .join(",")
    : String(value);
}

function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { version: "1.1" }).flatMap((document) => {
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

/** By name. Helm makes the namespace itself, and renders no definition: that one has no labels of a mesh. */
function comparable(objects: readonly Manifest[]): Readonly<Record<string, unknown>> {
  const kept = objects.filter(({ kind }) => kind !== "Namespace");
  const named = kept.map((object) => {
    const unlabelled = { ...object, metadata: { ...object.metadata, labels: undefined } };
    return [nameOf(object), object.kind === "CustomResourceDefinition" ? unlabelled : object] as const;
  });
  assert.equal(new Set(named.map(([name]) => name)).size, kept.length, "an object is rendered twice");
  return Object.fromEntries(named);
}

const MESHES: Readonly<Record<string, Mesh>> = {
  "no value": { name: "osm", namespace: "osm-system", values: {} },
  "another mesh, image and number of replicas": {
    name: "second",
    namespace: "second-system",
    values: { image: "registry.example:5000/postern@sha256:0", replicas: 3 },
  },
  "names that YAML takes for truth values and numbers": { name: "on", namespace: "12", values: { image: "1.0" } },
  "gateways here and elsewhere": {
    name: "osm",
    namespace: "osm-system",
    values: {
      gateway: ["a=a.example", "edge/c=c.example", "osm-system/b=b.example", "edge/d=d.example", "other/a=a.example"],
    },
  },
  "gateways elsewhere alone": { name: "osm", namespace: "osm-system", values: { gateway: ["edge/c=c.example"] } },
  "a CA that somebody else keeps, and another domain": {
    name: "osm",
    namespace: "osm-system",
    values: { "ca-secret": "given", "trust-domain": "mesh.example", "failure-policy": "Ignore" },
  },
  "every other setting": {
    name: "osm",
    namespace: "osm-system",
    values: {
      "ca-validity": "8760h",
      "ca-overlap": "2h",
      validity: "1h30m",
      "redirect-image": "redirect:1",
      traffic: "target-port",
      classic: true,
      "lease-duration": "20s",
      "drain-delay": "off",
      "log-level": "debug",
      requests: { cpu: "100m", memory: "64Mi" },
      limits: { memory: "1Gi" },
    },
  },
};

describe("the chart", { skip }, () => {
  test("passes helm lint", () => {
    const { code, stdout, stderr } = helm("lint", "--strict", "--namespace=osm-system", CHART);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /1 chart\(s\) linted, 0 chart\(s\) failed/);
  });

  for (const [what, mesh] of Object.entries(MESHES))
    test(`renders the objects of postern install: ${what}`, async () => {
      assert.deepEqual(comparable(rendered(mesh)), comparable(await printed(mesh)));
    });

  for (const [setting, words] of [
    ["replica=3", /additional properties 'replica' not allowed/],
    ["redirectImage=x", /additional properties 'redirectImage' not allowed/],
    ["mesh-name=No", /at '\/mesh-name': 'No' does not match pattern/],
    ["replicas=0", /at '\/replicas': minimum: got 0, want 1/],
    ["failure-policy=Maybe", /at '\/failure-policy': value must be one of 'Fail', 'Ignore'/],
    ["gateway[0]=edge", /at '\/gateway\/0': 'edge' does not match pattern/],
    ["validity=1 day", /at '\/validity': '1 day' does not match pattern/],
    ["contour.enabled=true", /the chart brings no Contour.*postern install --gateway contour/],
  ] as const)
    test(`refuses ${setting} in words`, () => {
      const { code, stderr } = helm("template", "door", CHART, `--set=${setting}`);
      assert.equal(code, 1);
      assert.match(stderr, words);
    });
});

describe("a release", { skip }, () => {
  let cluster: MeshCluster;
  let pods: ReadyPods;
  let replica: ControllerReplica | undefined;

  before(async () => {
    cluster = await MeshCluster.start({ bare: true });
    pods = await ReadyPods.start(cluster.api, MESH.namespace);
  });

  after(async () => {
    await pods?.[Symbol.asyncDispose]();
    await replica?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const kubeconfig = (): string => `--kubeconfig=${join(cluster.plane.directory, "kubeconfig")}`;
  const postern = (command: typeof runCheck, ...argv: readonly string[]): Promise<CommandResult> =>
    runCommand(command, kubeconfig(), ...argv);
  const release = (verb: string, ...args: readonly string[]): Words => {
    const words = helm(verb, "door", ...args, kubeconfig(), `--namespace=${MESH.namespace}`);
    assert.equal(words.code, 0, words.stderr);
    return words;
  };
  const held = async (kind: string, name: string, apiVersion = "rbac.authorization.k8s.io/v1"): Promise<string> =>
    JSON.stringify((await cluster.read(apiVersion, kind, MESH.namespace, name)) ?? {});

  test("is taken by the API server in a dry run, object by object", async () => {
    await cluster.namespace("edge");
    await cluster.namespace("dry");
    const objects = rendered({
      name: "dry",
      namespace: "dry",
      values: { gateway: ["a=a.example", "edge/b=b.example"] },
    });
    const args = ["apply", "--server-side", "--dry-run=server", "--filename=-", kubeconfig()];
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    const { kubectl = "" } = (await cachedBinaries(process.env)) ?? {};
    const { code, stdout, stderr } = run(kubectl, args, cluster.directory, list);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.match(/serverside-applied \(server dry run\)/g)?.length, objects.length);
    await cluster.api.delete({ apiVersion: "v1", kind: "Namespace", metadata: { name: "dry" } });
    release("install", CHART, "--create-namespace", "--dry-run=server");
  });

  test("is installed, with notes that say what comes next, and becomes a mesh that postern check passes", async () => {
    const { stdout } = release("install", CHART, "--create-namespace");
    assert.match(stdout, /kubectl label namespace NAME openservicemesh\.io\/monitored-by=osm/);
    replica = await cluster.replica("one");
    await replica.ready();
    await cluster.namespace("test", { [MONITORED_LABEL]: MESH.name });
    await until("the accounts of the mesh's namespace may ask for certificates", async () =>
      (await held("ClusterRoleBinding", NAMES.sidecarClusterRole)).includes("system:serviceaccounts:test"),
    );
    assert.match(await held("ClusterRoleBinding", NAMES.sidecarClusterRole), /"app.kubernetes.io\/managed-by":"Helm"/);
    let checked: CommandResult | undefined;
    await until(
      () => `the check passes\n${checked?.stdout ?? ""}`,
      async () => (checked = await postern(runCheck)).code === 0,
    );
  });

  test("is not touched by postern install and uninstall, which say whose it is", async () => {
    const installed = await postern(runInstall, "--apply");
    assert.equal(installed.code, 1);
    assert.match(installed.stderr, /mesh 'osm' is the release 'door' of Helm; change it with helm upgrade door CHART/);
    const removed = await postern(runUninstall, "--apply");
    assert.equal(removed.code, 1);
    assert.match(removed.stderr, /mesh 'osm' is the release 'door' of Helm; after helm uninstall door/);
    assert.match(await held("Deployment", NAMES.controller, "apps/v1"), /"replicas":2,/);
  });

  test("is upgraded and keeps what the controller has written", async () => {
    release("upgrade", CHART, "--set=replicas=3", "--set=validity=12h");
    const deployment = await held("Deployment", NAMES.controller, "apps/v1");
    assert.match(deployment, /"replicas":3,/);
    assert.match(deployment, /"--validity=12h"/);
    const webhooks = "admissionregistration.k8s.io/v1";
    assert.match(await held("MutatingWebhookConfiguration", NAMES.injectorConfiguration, webhooks), /"caBundle":"/);
    assert.match(await held("ClusterRoleBinding", NAMES.sidecarClusterRole), /system:serviceaccounts:test/);
    // What the controller writes after an upgrade is its own again.
    await cluster.namespace("later", { [MONITORED_LABEL]: MESH.name });
    await until("another namespace is bound", async () =>
      (await held("ClusterRoleBinding", NAMES.sidecarClusterRole)).includes("system:serviceaccounts:later"),
    );
    release("upgrade", CHART, "--set=replicas=1");
  });

  test("is uninstalled, the definition stays, and postern uninstall takes what the controller has made", async () => {
    await replica?.stop();
    release("uninstall");
    assert.equal(await held("Deployment", NAMES.controller, "apps/v1"), "{}");
    const path = "/apis/policy.openservicemesh.io/v1alpha1/namespaces/test/ingressbackends";
    assert.equal((await cluster.api.call("GET", path)).status, 200);
    const { code, stdout, stderr } = await postern(runUninstall, "--apply");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^deleted Secret osm-system\/postern-ca-osm$/m);
    assert.match((await postern(runUninstall)).stderr, /nothing of mesh 'osm' is in the cluster/);
  });
});
