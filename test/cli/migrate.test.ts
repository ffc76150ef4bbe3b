import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { runMigrate } from "../../src/cli/migrate.ts";
import { runInstall } from "../../src/cli/install.ts";
import { runCommand, runCommandWithInput } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const MONITORED = "openservicemesh.io/monitored-by";
const INJECTED = { "openservicemesh.io/sidecar-injection": "enabled" };

function namespace(name: string, annotations: object = {}, mesh = "osm"): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { [MONITORED]: mesh }, annotations } };
}

function meshConfig(spec: object): object {
  const metadata = { name: "osm-mesh-config", namespace: "osm-system" };
  return { apiVersion: "config.openservicemesh.io/v1alpha2", kind: "MeshConfig", metadata, spec };
}

function policy(sources: readonly object[], protocol = "https"): object {
  return {
    apiVersion: "policy.openservicemesh.io/v1alpha1",
    kind: "IngressBackend",
    metadata: { name: "basic", namespace: "test" },
    spec: { backends: [{ name: "foo", port: { number: 80, protocol } }], sources },
  };
}

function deployment(annotations: object = {}, spec: object = {}): object {
  const containers = [{ name: "app", image: "app:1", ports: [{ containerPort: 80 }, { containerPort: 9090 }] }];
  const template = { metadata: { labels: { app: "foo" }, annotations }, spec: { containers, ...spec } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "foo", namespace: "test" },
    spec: { template },
  };
}

const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "foo", namespace: "test" },
  spec: { selector: { app: "foo" }, ports: [{ port: 80 }] },
};
const GATEWAY = { kind: "Service", namespace: "osm-system", name: "osm-contour-envoy" };
const PRINCIPAL = { kind: "AuthenticatedPrincipal", name: "osm-contour-envoy.osm-system.cluster.local" };
const NAMESPACES = [namespace("osm-system"), namespace("test", INJECTED)];
const OPEN_EGRESS = { traffic: { enableEgress: true } };

/** As kubectl gives a list. */
function list(...items: readonly object[]): string {
  return stringify({ apiVersion: "v1", kind: "List", items });
}

async function migrate(
  objects: readonly object[],
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return runCommandWithInput(runMigrate, list(...objects), "-f", "-", ...argv);
}

test("an installation of which nothing is lost exits with 0, and says what maps", async () => {
  const excluded = deployment({ "openservicemesh.io/inbound-port-exclusion-list": "9090" });
  const { code, stdout } = await migrate([
    ...NAMESPACES,
    meshConfig(OPEN_EGRESS),
    policy([GATEWAY, PRINCIPAL]),
    SERVICE,
    excluded,
  ]);
  assert.equal(code, 0, stdout);
  assert.doesNotMatch(stdout, /^(?:WEAKER|CLOSED)/m);
  assert.match(
    stdout,
    /^maps {5}IngressBackend test\/basic: foo:80 https for Service osm-system\/osm-contour-envoy, Auth/m,
  );
});

test("what OSM refuses and Postern does not is WEAKER, comes first, and makes the exit code 1", async () => {
  const sidecar = { tlsMinProtocolVersion: "TLSv1_3", cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256"] };
  const traffic = { enableEgress: false, inboundExternalAuthorization: { enable: true } };
  const { code, stdout } = await migrate([...NAMESPACES, meshConfig({ sidecar, traffic })]);
  assert.equal(code, 1);
  const lines = stdout.split("\n").slice(2, 6);
  for (const field of ["inboundExternalAuthorization", "tlsMinProtocolVersion", "cipherSuites", "enableEgress"])
    assert.ok(
      lines.some((line) => line.startsWith("WEAKER ") && line.includes(field)),
      `${field} in ${stdout}`,
    );
});

test("whoever would be refused is named: by port, by object, by mode of the mesh, by pod", async () => {
  const config = meshConfig({ traffic: { enableEgress: true, enablePermissiveTrafficPolicyMode: true } });
  const { code, stdout } = await migrate([...NAMESPACES, config, policy([], "http"), SERVICE, deployment()]);
  assert.equal(code, 1);
  for (const text of [
    "enablePermissiveTrafficPolicyMode",
    "IngressBackend test/basic: foo:80: OSM opens it to everybody",
    "Deployment test/foo: port 9090: no IngressBackend names it",
  ])
    assert.match(stdout, new RegExp(`^CLOSED .*${text}`, "m"));
  const onHost = await migrate([...NAMESPACES, meshConfig(OPEN_EGRESS), deployment({}, { hostNetwork: true })]);
  assert.match(onHost.stdout, /^CLOSED {3}Deployment test\/foo: its pods would be refused: spec\.hostNetwork/m);
});

test("pods that OSM gives no sidecar are not spoken of, and their namespace is told not to give one", async () => {
  const objects = [
    namespace("osm-system"),
    namespace("test"),
    meshConfig(OPEN_EGRESS),
    policy([GATEWAY], "http"),
    deployment(),
  ];
  const { code, stdout } = await migrate(objects);
  assert.equal(code, 0, stdout);
  const { stdout: move } = await migrate(objects, "--step", "move");
  assert.deepEqual(move.trim().split("\n"), [
    "kubectl annotate namespace test --overwrite openservicemesh.io/sidecar-injection=disabled",
    "kubectl label namespace test --overwrite openservicemesh.io/monitored-by=postern",
  ]);
});

test("a step prints its commands alone: install carries the CA, lives and the gateway's certificate over", async () => {
  const ingressGateway = {
    subjectAltNames: ["edge.gw.example"],
    validityDuration: "24h",
    secret: { name: "edge", namespace: "osm-system" },
  };
  const certificate = { serviceCertValidityDuration: "12h", ingressGateway };
  const objects = [...NAMESPACES, meshConfig({ ...OPEN_EGRESS, certificate }), policy([GATEWAY, PRINCIPAL]), SERVICE];
  const { code, stdout } = await migrate(objects, "--step", "install", "--set", "image=registry.example/postern:1");
  assert.equal(code, 0);
  const [copy = "", install = ""] = stdout.split("\n");
  assert.match(
    copy,
    /^kubectl -n osm-system get secret osm-ca-bundle -o go-template='.*private\.key.*' \| kubectl apply --server-side -f -$/,
  );
  assert.match(install, /^postern install --apply --beside-osm --mesh-name postern --namespace osm-system /);
  // What is printed is a command line that `install` takes.
  const argv = install.replace("postern install --apply --beside-osm", "").trim().split(" ");
  const printed = await runCommand(runInstall, ...argv);
  assert.equal(printed.code, 0, printed.stderr);
  for (const flag of ["--validity=43200s", "--ca-secret=postern-osm-ca", "--gateway=osm-system/edge=edge.gw.example"])
    assert.ok(printed.stdout.includes(flag), flag);
});

test("move excludes the mesh's ports at each workload and restarts by name, and back undoes the labels under audit", async () => {
  const config = meshConfig({ traffic: { enableEgress: true, inboundPortExclusionList: [9090] } });
  const objects = [...NAMESPACES, config, policy([GATEWAY, PRINCIPAL]), SERVICE, deployment()];
  const { stdout: move } = await migrate(objects, "--step", "move");
  assert.deepEqual(move.trim().split("\n"), [
    "kubectl label namespace test --overwrite openservicemesh.io/monitored-by=postern",
    `kubectl -n test patch deployment/foo --type=merge -p '{"spec":{"template":{"metadata":{"annotations":{"openservicemesh.io/inbound-port-exclusion-list":"9090"}}}}}'`,
    "kubectl -n test rollout restart deployment/foo",
    "kubectl -n test rollout status deployment/foo --timeout=10m",
  ]);
  const { stdout: gateways } = await migrate(objects, "--step", "gateways");
  assert.equal(gateways, "kubectl label namespace osm-system --overwrite openservicemesh.io/monitored-by=postern\n");
  const { stdout: back } = await migrate(objects, "--step", "back");
  const lines = back.trim().split("\n");
  assert.match(
    lines[0] ?? "",
    /annotate ingressbackends\S* basic --overwrite postern\.dev\/enforcement=audit:20\d\d-.*Z$/,
  );
  assert.match(lines[1] ?? "", /label namespace osm-system --overwrite openservicemesh\.io\/monitored-by=osm$/);
  assert.match(lines.at(-1) ?? "", /postern\.dev\/enforcement-$/);
});

test("with --only neither the gateways nor OSM itself go, until every namespace is named", async () => {
  const edge = { ...GATEWAY, namespace: "edge" };
  const objects = [...NAMESPACES, namespace("edge"), namespace("other", INJECTED), policy([edge, PRINCIPAL]), SERVICE];
  const printed = async (step: string, ...only: readonly string[]): Promise<string> =>
    (await migrate(objects, "--step", step, ...only.map((name) => `--only=${name}`))).stdout;
  for (const step of ["gateways", "leave"]) assert.equal(await printed(step, "test"), "", step);
  assert.doesNotMatch(await printed("back", "test"), /namespace edge/);
  assert.match(await printed("gateways", "test", "edge"), /label namespace edge .*=postern$/m);
  for (const only of [[], ["test", "other"]]) {
    assert.match(await printed("gateways", ...only), /label namespace edge .*=postern$/m);
    assert.match(await printed("leave", ...only), /^osm uninstall mesh /);
    // What `gateways` has said of a namespace that said nothing.
    assert.match(await printed("back", ...only), /annotate namespace edge openservicemesh\.io\/sidecar-injection-$/m);
  }
});

test("a CA that OSM does not hold itself is said, and is not copied", async () => {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "osm-ca-bundle", namespace: "osm-system" },
    data: { "ca.crt": "" },
  };
  const { stdout } = await migrate([...NAMESPACES, meshConfig(OPEN_EGRESS), secret]);
  assert.match(stdout, /^CLOSED {3}Secret osm-system\/osm-ca-bundle: it holds no private\.key/m);
  assert.doesNotMatch(stdout, /ca-secret=postern-osm-ca/);
});

test("files, several documents and directories are read alike", async () => {
  using directory = temporaryDirectory();
  writeFileSync(join(directory.path, "a.yaml"), NAMESPACES.map((one) => `---\n${stringify(one)}`).join(""));
  writeFileSync(join(directory.path, "b.json"), JSON.stringify(meshConfig(OPEN_EGRESS)));
  const { code, stdout } = await runCommand(runMigrate, "-f", directory.path);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^OSM mesh 'osm' of namespace osm-system: 2 namespaces, 0 IngressBackends$/m);
});

test("what cannot be used is said: no mesh, two meshes, the same name, a broken file, wrong flags", async () => {
  const say = async (objects: readonly object[], ...argv: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await migrate(objects, ...argv);
    assert.equal(stdout, "");
    return `${code} ${stderr}`;
  };
  assert.match(await say([meshConfig({})]), /^1 .*no namespace has the label/);
  assert.match(await say([...NAMESPACES, namespace("b", {}, "two")]), /^1 .*meshes osm, two; name one with --mesh/);
  assert.match(await say(NAMESPACES, "--mesh-name=osm"), /^1 .*choose another --mesh-name/);
  assert.match(await say(NAMESPACES, "--only=nowhere"), /^1 .*no such namespace belongs to mesh 'osm'/);
  assert.match(await say(NAMESPACES, "--step=jump"), /^2 .*expected one of install, audit/);
  assert.match(
    await say(NAMESPACES, "--audit=soon", "--set=a=b"),
    /^2 .*--audit has the value 'soon'.*--set has 'a=b'/s,
  );
  const broken = await runCommandWithInput(runMigrate, "a: [", "-f", "-");
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /standard input:1: /);
  assert.match((await runCommand(runMigrate, "--help")).stdout, /WEAKER .*\n.*CLOSED /);
});

test("a name that no API server would have taken ends nowhere in a shell", async () => {
  const evil = "a;touch x";
  for (const objects of [
    [namespace("osm-system"), meshConfig({}), namespace(evil)],
    [
      namespace("osm-system"),
      meshConfig({}),
      namespace("test", {}, "osm"),
      { ...policy([]), metadata: { name: evil, namespace: "test" } },
    ],
    [
      namespace("osm-system"),
      meshConfig({}),
      namespace("test"),
      policy([{ kind: "Service", name: "edge", namespace: evil }]),
    ],
    [namespace("osm-system", {}, evil), meshConfig({})],
  ]) {
    const text = objects.map((object) => stringify(object)).join("---\n");
    const { code, stdout, stderr } = await runCommandWithInput(runMigrate, text, "-f", "-", "--step=audit");
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /has the name "a;touch x", which no API server takes/);
  }
});
