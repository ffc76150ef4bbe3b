import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { runCheck } from "../../src/cli/check.ts";
import { readController } from "../../src/cli/controller.ts";
import { runInstall } from "../../src/cli/install.ts";
import { runUninstall } from "../../src/cli/uninstall.ts";
import type { Manifest } from "../../src/controller/manifests/manifest.ts";
import { CONTOUR_MANIFEST } from "../support/contour-manifest.ts";
import { runCommand } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

async function printed(...argv: readonly string[]): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await runCommand(runInstall, ...argv);
  assert.equal(code, 0, stderr);
  return parseAllDocuments(stdout, { version: "1.1" }).map((document) => document.toJS() as Manifest);
}

function labelsOf(object: Manifest | undefined): Readonly<Record<string, unknown>> {
  return (object?.metadata["labels"] ?? {}) as Record<string, unknown>;
}

function argumentsOf(objects: readonly Manifest[]): readonly string[] {
  const deployment = objects.find(({ kind }) => kind === "Deployment") as unknown as {
    readonly spec: {
      readonly template: { readonly spec: { readonly containers: readonly [{ readonly args: string[] }] } };
    };
  };
  return deployment.spec.template.spec.containers[0].args;
}

test("--help of the three commands names their flags, and that of install every key of --set", async () => {
  const { stdout } = await runCommand(runInstall, "--help");
  for (const text of [
    "--with-contour[=FILE|URL]",
    "--set KEY=VALUE...",
    "--gateway-namespace NS",
    "redirect-image",
    "contour.enabled",
  ])
    assert.ok(stdout.includes(text), text);
  assert.match((await runCommand(runUninstall, "--help")).stdout, /--delete-namespace/);
  assert.match((await runCommand(runCheck, "--help")).stdout, /Exit code: 0/);
});

test("the namespace and the definition come first, and each object says which mesh it is of", async () => {
  const objects = await printed();
  assert.deepEqual(
    objects.slice(0, 2).map(({ kind }) => kind),
    ["Namespace", "CustomResourceDefinition"],
  );
  for (const object of objects) assert.equal(labelsOf(object)["postern.dev/installed-for"], "osm");
});

test("a mesh whose name YAML 1.1 takes for a truth value stays a text", async () => {
  const objects = await printed("--mesh-name=on", "--namespace=yes");
  assert.equal(objects[0]?.metadata.name, "yes");
  assert.equal(labelsOf(objects[0])["postern.dev/installed-for"], "on");
});

test("settings become flags that the controller reads the same way", async () => {
  const settings = [
    "traffic=target-port",
    "classic=true",
    "validity=12h",
    "gateway=a=a.example",
    "gateway=b/c=c.example",
  ];
  const objects = await printed(...settings.map((setting) => `--set=${setting}`), "--set=replicas=3");
  const values = new Map<string, string[]>();
  for (const argument of argumentsOf(objects).slice(1)) {
    const [, name = "", value = ""] = /^--([^=]+)(?:=(.*))?$/.exec(argument) ?? [];
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const problems: string[] = [];
  const { config } = readController(values, { POD_NAMESPACE: "osm-system" }, problems);
  assert.deepEqual(problems, []);
  assert.equal(config.injection.traffic, "target-port");
  assert.equal(config.injection.sidecar, "classic");
  assert.equal(config.validityMs, 12 * 3_600_000);
  assert.deepEqual(
    config.gateways.map(({ namespace, secret }) => `${namespace}/${secret}`),
    ["osm-system/a", "b/c"],
  );
  assert.ok(objects.some(({ kind, metadata }) => kind === "Role" && metadata.namespace === "b"));
});

test("--with-contour keeps the certificate of its Envoy among those that are named", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "contour.yaml");
  writeFileSync(file, CONTOUR_MANIFEST);
  const objects = await printed(`--with-contour=${file}`, "--set=gateway=edge=edge.example");
  assert.ok(
    argumentsOf(objects).includes(
      "--gateway=osm-system/osm-contour-envoy-client-cert=osm-contour-envoy.osm-system.cluster.local",
    ),
  );
  assert.deepEqual(objects.at(-1)?.kind, "TLSCertificateDelegation");
  assert.equal(labelsOf(objects[0])["openservicemesh.io/monitored-by"], "osm");
});

test("everything that is wrong is named by the flag that it was given with", async () => {
  const argv = ["--set=foo=1", "--set=validity=1s", "--set=replicas=0", "--gateway=nginx", "--mesh-name=No"];
  const { code, stdout, stderr } = await runCommand(runInstall, ...argv);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  for (const text of [
    "--set has 'foo=1'",
    "--set validity has the value '1s'",
    "--set replicas has the value '0'",
    "--gateway has the value 'nginx'",
    "--mesh-name has the value 'No'",
  ])
    assert.ok(stderr.includes(text), `${text} is missing in ${stderr}`);
});

test("a cluster that cannot be asked is named", async () => {
  for (const command of [runCheck, runUninstall]) {
    const { code, stderr } = await runCommand(command, "--kubeconfig=/nowhere/config");
    assert.equal(code, 1);
    assert.match(stderr, /kubeconfig \/nowhere\/config cannot be used/);
  }
});
