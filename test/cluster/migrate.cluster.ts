/**
 * docs/migrate-from-osm.md against a real API server: the export as the page has it, and every step as it is printed. OSM's own
 * programs do not run; its objects are there, and `osm uninstall` is a stand-in that takes its Deployments.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WEBHOOK_PORT } from "../../src/controller/manifests/controller-objects.ts";
import { meshNames, type Mesh } from "../../src/controller/names.ts";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import type { ApiObject } from "../support/api-server/api-caller.ts";
import {
  GATEWAY_SECRET,
  meshNamespace,
  OSM,
  osmAuthority,
  osmDefinitions,
  osmObjects,
} from "../support/osm/installation.ts";
import { Shell } from "../support/process/shell.ts";
import { until } from "../support/until.ts";
import { cachedBinaries } from "./control-plane/build.ts";

import { type ControllerReplica, MeshCluster } from "./mesh-cluster.ts";
import { ReadyPods } from "./ready-pods.ts";

const PATIENT = { timeout: 300_000 };
const MESH: Mesh = { name: "postern", namespace: OSM.namespace, trustDomain: "cluster.local" };
const NAMES = meshNames(MESH.name);
const PAGE = readFileSync(join(import.meta.dirname, "../../docs/migrate-from-osm.md"), "utf8");
const POLICIES = "ingressbackends.policy.openservicemesh.io";
const ENFORCEMENT = "postern.dev/enforcement";
const INJECTION = "openservicemesh.io/sidecar-injection";

interface Metadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

let cluster: MeshCluster;
let pods: ReadyPods | undefined;
let replica: ControllerReplica | undefined;
let shell: Shell;

const POLICY = {
  apiVersion: "policy.openservicemesh.io/v1alpha1",
  kind: "IngressBackend",
  metadata: { name: "basic", namespace: "test" },
  spec: {
    backends: [{ name: "foo", port: { number: 80, protocol: "https" } }],
    sources: [
      { kind: "Service", namespace: OSM.namespace, name: OSM.gateway },
      { kind: "Service", namespace: "edge", name: "nginx" },
      { kind: "AuthenticatedPrincipal", name: "osm-contour-envoy.osm-system.cluster.local" },
    ],
  },
};

function application(namespace: string, name: string): readonly object[] {
  const labels = { app: name };
  const containers = [{ name: "app", image: "app:1", ports: [{ containerPort: 80 }, { containerPort: 9_090 }] }];
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: labels, ports: [{ port: 80 }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { serviceAccountName: "default", containers } },
      },
    },
  ];
}

/** Taken by the controller-manager for what no webhook changes: OSM's injector is not here. */
const WEBHOOKS = [
  { kind: "MutatingWebhookConfiguration", name: `osm-webhook-${OSM.mesh}` },
  { kind: "ValidatingWebhookConfiguration", name: `osm-validator-mesh-${OSM.mesh}` },
];

before(async () => {
  cluster = await MeshCluster.start({ bare: true });
  pods = await ReadyPods.start(cluster.api);
  const binaries = await cachedBinaries(process.env);
  shell = new Shell({
    kubectl: binaries?.kubectl ?? "",
    kubeconfig: join(cluster.plane.directory, "kubeconfig"),
    commands: {
      osm: `echo "$*" > osm.said; kubectl -n ${OSM.namespace} delete deployment osm-controller osm-injector`,
    },
  });
  const { edge, ...ca } = await osmAuthority();
  await apply(...osmDefinitions());
  await shell.follow("kubectl wait --for=condition=Established customresourcedefinitions --all --timeout=60s");
  await apply(
    meshNamespace(OSM.namespace),
    meshNamespace("test", "enabled"),
    meshNamespace("quiet"),
    meshNamespace("edge", "disabled"),
    ...osmObjects(ca, edge),
    ...WEBHOOKS.map(({ kind, name }) => ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind,
      metadata: { name },
      webhooks: [],
    })),
    ...application("test", "foo"),
    ...application("quiet", "bar"),
    POLICY,
  );
}, PATIENT);

after(async () => {
  await pods?.[Symbol.asyncDispose]();
  await replica?.[Symbol.asyncDispose]();
  shell?.[Symbol.dispose]();
  await cluster?.[Symbol.asyncDispose]();
});

async function apply(...objects: readonly object[]): Promise<void> {
  writeFileSync(
    join(shell.directory, "objects.json"),
    JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  );
  await shell.follow("kubectl apply -f objects.json");
}

/** The shell line of the page that begins so. */
function lineOf(start: string): string {
  const line = PAGE.split("\n").find((one) => one.startsWith(start));
  assert.ok(line, `the page has no line '${start}'`);
  return line;
}

/** As the page says it: printed, then passed to a shell. @returns what was printed */
async function step(name: string, ...flags: readonly string[]): Promise<string> {
  const command = ["postern migrate -f osm.yaml --step", name, ...flags].join(" ");
  const { stdout } = await shell.follow(command);
  await shell.follow(`${command} | sh -e`);
  return stdout;
}

async function labelsOf(name: string): Promise<{ readonly mesh?: string; readonly injection?: string }> {
  const { metadata } = await cluster.api.ask("GET", `/api/v1/namespaces/${name}`);
  const { labels = {}, annotations = {} } = metadata as Metadata;
  const [mesh, injection] = [labels[MONITORED_LABEL], annotations[INJECTION]];
  return { ...(mesh !== undefined && { mesh }), ...(injection !== undefined && { injection }) };
}

async function enforcement(): Promise<string | undefined> {
  const found = await cluster.read(POLICY.apiVersion, POLICY.kind, "test", "basic");
  return (found?.metadata as Metadata | undefined)?.annotations?.[ENFORCEMENT];
}

const secretOf = (name: string): Promise<ApiObject | undefined> => cluster.read("v1", "Secret", OSM.namespace, name);

function dataOf(object: ApiObject | undefined): Readonly<Record<string, string>> {
  return (object?.["data"] ?? {}) as Readonly<Record<string, string>>;
}

/** With the flags that the Deployment has, at the address that its pods are said to have. */
async function startController(): Promise<void> {
  let args: readonly string[] = [];
  await until("the controller's Deployment is there", async () => {
    const found = await cluster.read("apps/v1", "Deployment", MESH.namespace, NAMES.controller);
    const spec = found?.["spec"] as
      | {
          readonly template: {
            readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] };
          };
        }
      | undefined;
    args = spec?.template.spec.containers[0]?.args ?? [];
    return args.length > 0;
  });
  const ours = ["controller", "--mesh-name", "--webhook", "--health"];
  const flags = args.filter((arg) => !ours.some((name) => arg === name || arg.startsWith(`${name}=`)));
  assert.ok(args.includes(`--webhook=[::]:${WEBHOOK_PORT}`));
  replica = await cluster.replicaOf(MESH, "one", ...flags);
  await replica.ready();
}

/** The containers that the pods of a namespace have, once there are pods and all of them are alike. */
async function containers(namespace: string): Promise<string> {
  let found = "";
  await until(`the pods of ${namespace} are alike`, async () => {
    const { items = [] } = await cluster.api.ask("GET", `/api/v1/namespaces/${namespace}/pods`);
    const each = items
      .filter(({ metadata }) => (metadata as Metadata).deletionTimestamp === undefined)
      .map(({ spec }) => {
        const { initContainers = [], containers: main } = spec as {
          readonly initContainers?: readonly { readonly name: string }[];
          readonly containers: readonly { readonly name: string }[];
        };
        return [...initContainers, ...main].map(({ name }) => name).join(" ");
      });
    found = each[0] ?? "";
    return each.length > 0 && each.every((one) => one === found);
  });
  return found;
}

const WITH_SIDECAR = "postern-redirect postern app";

describe("an installation of OSM", () => {
  test("is exported as the page says, and the export says what the cluster itself says", async () => {
    await shell.follow(lineOf("kubectl get namespaces,"));
    const exported = await shell.say(`${lineOf("postern migrate -f osm.yaml").trim()} --audit 24h`);
    const asked = await shell.say(`postern migrate --kubeconfig "$KUBECONFIG" --audit 24h`);
    assert.deepEqual([exported.code, asked.code], [0, 0], exported.stdout + exported.stderr + asked.stderr);
    const alike = (text: string): readonly string[] =>
      text
        .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "TIME")
        .replace("; it is not in the export, and taken for OSM's own", "")
        .split("\n");
    assert.deepEqual(alike(exported.stdout), alike(asked.stdout));
    assert.match(exported.stdout, /^OSM mesh 'osm' of namespace osm-system: 4 namespaces, 1 IngressBackends$/m);
    assert.match(
      exported.stdout,
      /^maps {5}IngressBackend test\/basic: foo:80 https for Service osm-system\/osm-contour-/m,
    );
  });
});

describe("the printed steps", () => {
  let bundle: ApiObject | undefined;
  let gateway: ApiObject | undefined;

  test("install brings Postern beside OSM with OSM's CA, and leaves what is OSM's as it is", PATIENT, async () => {
    [bundle, gateway] = [await secretOf("osm-ca-bundle"), await secretOf(GATEWAY_SECRET)];
    const starting = startController();
    await step("install", "--set image=postern:test");
    await starting;
    const { "tls.crt": ca, "tls.key": key } = dataOf(await secretOf("postern-osm-ca"));
    const own = dataOf(bundle);
    assert.deepEqual([ca, key], [own["ca.crt"], own["private.key"]]);
    assert.deepEqual(await secretOf("osm-ca-bundle"), bundle);
    assert.deepEqual(await secretOf(GATEWAY_SECRET), gateway);
    assert.deepEqual((await replica?.readiness())?.problems, {});
    const definition = await cluster.read("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", POLICIES);
    assert.match(JSON.stringify(definition?.metadata), /"app.kubernetes.io\/name":"openservicemesh.io"/);
  });

  test("audit annotates the policies until a time", async () => {
    await step("audit");
    assert.match((await enforcement()) ?? "", /^audit:20\d\d-.*Z$/);
  });

  test(
    "move makes the pods of each namespace anew with Postern's sidecar and the mesh's exclusions",
    PATIENT,
    async () => {
      await step("move");
      assert.deepEqual(await labelsOf("test"), { mesh: "postern", injection: "enabled" });
      assert.deepEqual(await labelsOf("quiet"), { mesh: "postern", injection: "disabled" });
      assert.deepEqual(await labelsOf("edge"), { mesh: "osm", injection: "disabled" });
      assert.equal(await containers("test"), WITH_SIDECAR);
      assert.equal(await containers("quiet"), "app");
      const { items = [] } = await cluster.api.ask("GET", "/api/v1/namespaces/test/pods");
      const text = JSON.stringify(items[0]?.["spec"]);
      assert.match(text, /"--backend=port=80,listen=\[::\]:15080"/);
      assert.doesNotMatch(text, /port=9090/);
      const map = await cluster.read("v1", "ConfigMap", "test", "osm-ca-bundle");
      const roots = dataOf(map)["ca.crt"] ?? "";
      const osm = dataOf(bundle)["ca.crt"] ?? "";
      assert.equal(
        new X509Certificate(roots).fingerprint256,
        new X509Certificate(Buffer.from(osm, "base64")).fingerprint256,
      );
    },
  );

  test("gateways brings their namespaces over, and says nothing of sidecars there", async () => {
    await step("gateways");
    assert.deepEqual(await labelsOf("edge"), { mesh: "postern", injection: "disabled" });
    assert.deepEqual(await labelsOf(OSM.namespace), { mesh: "postern" });
  });

  test("enforce takes the annotation away", async () => {
    await step("enforce");
    assert.equal(await enforcement(), undefined);
  });

  test("back leads back to what was, and Postern goes as the page says, with nothing of OSM's", PATIENT, async () => {
    await step("back");
    assert.deepEqual(await labelsOf("test"), { mesh: "osm", injection: "enabled" });
    assert.deepEqual(await labelsOf("quiet"), { mesh: "osm" });
    assert.deepEqual(await labelsOf("edge"), { mesh: "osm", injection: "disabled" });
    assert.deepEqual(await labelsOf(OSM.namespace), { mesh: "osm" });
    assert.equal(await enforcement(), undefined);
    assert.equal(await containers("test"), "app");
    const commands = /Then `(postern uninstall [^`]*)`.*?`(kubectl -n osm-system delete [^`]*)`/s.exec(PAGE);
    assert.ok(commands, "the page says how Postern goes");
    for (const command of commands.slice(1)) await shell.follow(command.replaceAll("\n", " "));
    await replica?.stop();
    assert.deepEqual(await secretOf("osm-ca-bundle"), bundle);
    assert.deepEqual(await secretOf(GATEWAY_SECRET), gateway);
    assert.equal(await secretOf("postern-osm-ca"), undefined);
    assert.equal(await cluster.read("apps/v1", "Deployment", MESH.namespace, NAMES.controller), undefined);
    assert.ok(await cluster.read(POLICY.apiVersion, POLICY.kind, "test", "basic"));
  });

  test(
    "a second time, namespace by namespace, to the end: OSM goes, and its Secrets are the controller's",
    PATIENT,
    async () => {
      const starting = startController();
      await step("install", "--set image=postern:test");
      await starting;
      for (const [name, printed] of [
        ["audit", 1],
        ["move", 4],
        ["gateways", 0],
        ["leave", 0],
      ] as const)
        assert.equal((await step(name, "--only test")).split("\n").length - 1, printed, name);
      assert.deepEqual(await labelsOf("quiet"), { mesh: "osm" });
      assert.equal(await containers("test"), WITH_SIDECAR);
      for (const name of ["move", "gateways", "enforce", "leave"]) await step(name);
      assert.deepEqual(await labelsOf("quiet"), { mesh: "postern", injection: "disabled" });
      assert.equal(
        readFileSync(join(shell.directory, "osm.said"), "utf8"),
        "uninstall mesh --mesh-name osm --osm-namespace osm-system --force\n",
      );
      for (const { kind, name } of WEBHOOKS)
        assert.equal(await cluster.read("admissionregistration.k8s.io/v1", kind, "", name), undefined);
      await until("the bundle is the roots alone", async () => {
        return Object.keys(dataOf(await secretOf("osm-ca-bundle"))).join() === "ca.crt";
      });
      const texts = await cluster.secret(GATEWAY_SECRET, "tls.crt", "ca.crt");
      assert.ok(new X509Certificate(texts["tls.crt"]!).checkIssued(new X509Certificate(texts["ca.crt"]!)));
      assert.deepEqual((await replica?.readiness())?.problems, {});
      const { code, stdout } = await shell.say("postern check --mesh-name postern");
      assert.equal(code, 0, stdout);
    },
  );
});
