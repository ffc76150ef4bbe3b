import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { runInject } from "../../src/cli/inject.ts";
import { runUninject } from "../../src/cli/uninject.ts";
import { runCommand, runCommandWithInput } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const GOLDEN = join(import.meta.dirname, "../inject/text/golden");
const deployment = join(GOLDEN, "deployment.yaml");
const text = readFileSync(deployment, "utf8");

const directory = temporaryDirectory();
after(() => directory[Symbol.dispose]());

test("a file becomes the manifest on stdout, and what was done is said on stderr", async () => {
  const { code, stdout, stderr } = await runCommand(
    runInject,
    "-f",
    deployment,
    "--image=postern:0.1.0",
    "--redirect-image=postern-redirect:0.1.0",
    "--certificate=secret=foo-tls",
    "--mesh-name=osm",
  );
  assert.equal(code, 0);
  assert.equal(stdout, readFileSync(`${deployment}.injected`, "utf8"));
  assert.equal(stderr, "postern inject: Deployment test/foo: redirect, guards 80 by 15080, 9090 by 24090\n");
});

test("cert-manager's issuer is of the pod's namespace unless it is said to be of the cluster", async () => {
  const volumeOf = async (source: string): Promise<string> => {
    const flags = [`--certificate=cert-manager=${source}`, "--trust-domain=mesh.example"];
    const { code, stdout, stderr } = await runCommandWithInput(runInject, text, ...flags);
    assert.equal(code, 0, stderr);
    return /driver: csi\.cert-manager\.io\n(?: .*\n){8}/.exec(stdout)?.[0] ?? "";
  };
  assert.match(await volumeOf("mesh"), /issuer-kind: Issuer\n +csi\.cert-manager\.io\/issuer-name: mesh\n/);
  const volume = await volumeOf("ClusterIssuer/mesh");
  assert.match(volume, /issuer-kind: ClusterIssuer\n/);
  assert.match(volume, /dns-names: "?\$\{SERVICE_ACCOUNT_NAME\}\.\$\{POD_NAMESPACE\}\.mesh\.example"?\n/);
  const { code, stderr } = await runCommandWithInput(runInject, text, "--certificate=cert-manager=Vault/mesh");
  assert.equal(code, 2);
  assert.match(stderr, /--certificate has the value 'cert-manager=Vault\/mesh'; expected none, secret=NAME/);
});

test("stdin goes through both commands and comes out as it was", async () => {
  const injected = await runCommandWithInput(runInject, text, "-f", "-", "--classic", "--traffic=target-port");
  assert.match(injected.stderr, /note: Deployment test\/foo: Services that select the pod .* 80 -> 15080/);
  const { code, stdout, stderr } = await runCommandWithInput(runUninject, injected.stdout);
  assert.deepEqual([code, stdout, stderr], [0, text, ""]);
});

test("--diff prints what patch takes, and nothing for what is injected already", async () => {
  const file = join(directory.path, "deployment.yaml");
  writeFileSync(file, text);
  const { stdout: diff } = await runCommand(runInject, "--filename", file, "--diff");
  const { stdout: injected } = await runCommand(runInject, "-f", file);
  const twice = await runCommandWithInput(runInject, injected, "--diff");
  assert.equal(twice.stdout, "");
  const { stdout: back } = await runCommandWithInput(runUninject, injected, "--diff");
  const patched = execFileSync("patch", ["--output=-", file], {
    input: diff,
    stdio: ["pipe", "pipe", "ignore"],
  }).toString();
  assert.equal(patched, injected);
  writeFileSync(file, injected);
  assert.equal(
    execFileSync("patch", ["--output=-", file], { input: back, stdio: ["pipe", "pipe", "ignore"] }).toString(),
    text,
  );
});

test("what is refused prints the reasons of all objects and no manifest", async () => {
  const pods = ["a", "b"].map(
    (name) =>
      `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {hostNetwork: true, containers: [{name: c}]}}`,
  );
  const { code, stdout, stderr } = await runCommandWithInput(runInject, pods.join("\n---\n"));
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /stdin: line 1: Pod a: spec\.hostNetwork: .*\n.*stdin: line 3: Pod b: spec\.hostNetwork: .*; remove hostNetwork/,
  );
});

test("objects without a pod pass as they are", async () => {
  const service =
    "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {a: b}, ports: [{port: 1}]} # as it is\n";
  const { code, stdout, stderr } = await runCommandWithInput(runInject, service);
  assert.deepEqual([code, stdout], [0, service]);
  assert.match(stderr, /note: there is no object with a pod/);
});

test("what cannot be meant is usage, all of it named", async () => {
  const flags = [
    "--traffic=magic",
    "--certificate=file",
    "--requests=cpu:1",
    "--limits=cpu=lots",
    "--pre-stop=1.5s",
    "--image=",
    "--mesh-name=a b",
  ];
  const { code, stderr } = await runCommand(runInject, ...flags);
  assert.equal(code, 2);
  for (const flag of flags) assert.ok(stderr.includes(flag.split("=")[0] ?? ""), `${flag}: ${stderr}`);
  const missing = await runCommand(runUninject, "-f", "/nowhere.yaml");
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /--filename \/nowhere\.yaml cannot be read/);
});
