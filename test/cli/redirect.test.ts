import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { runRedirect } from "../../src/cli/redirect.ts";
import { runCommand } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const directory = temporaryDirectory();
after(() => directory[Symbol.dispose]());

function podFile(name: string, spec: object): string {
  const file = join(directory.path, name);
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec }));
  return file;
}

test("--print writes the rules of one tool and nothing else to stdout", async () => {
  const backends = ["--backend=port=80", "--backend=port=8080,listen=[::]:9000"];
  const nft = await runCommand(runRedirect, "--print", ...backends);
  assert.equal(nft.code, 0);
  assert.equal(nft.stderr, "");
  assert.match(nft.stdout, /tcp dport 80 redirect to :15080\n\s+tcp dport 8080 redirect to :9000\n/);
  const iptables = await runCommand(runRedirect, "--print", "--tool=iptables", ...backends);
  assert.match(iptables.stdout, /^# iptables-restore --noflush\n\*nat\n[^]*# ip6tables-restore --noflush\n\*nat\n/);
});

test("a redirected port that the kubelet probes is warned of, until the node is exempt", async () => {
  const pod = podFile("probed.json", {
    containers: [{ name: "app", readinessProbe: { httpGet: { port: 80 } }, livenessProbe: { httpGet: { port: 81 } } }],
  });
  const argv = ["--print", "--backend=port=80", `--pod=${pod}`];
  const warned = await runCommand(runRedirect, ...argv);
  assert.match(warned.stderr, /note: the readinessProbe of container app asks at the redirected port 80/);
  assert.doesNotMatch(warned.stderr, /livenessProbe/);
  const exempt = await runCommand(runRedirect, ...argv, "--exclude-source=10.0.0.1");
  assert.doesNotMatch(exempt.stderr, /readinessProbe/);
  assert.match(exempt.stderr, /10\.0\.0\.1 reaches the application past Postern/);
});

const refusals: readonly [name: string, argv: readonly string[], message: RegExp][] = [
  [
    "a pod in its node's network",
    ["--print", "--backend=port=80", `--pod=${podFile("host.json", { hostNetwork: true, containers: [] })}`],
    /hostNetwork: true/,
  ],
  ["the node's address", ["--apply", "--backend=port=80", "--pod-ip=10.0.0.1", "--node-ip=10.0.0.1"], /is the node's/],
  ["a port that must stay as it is", ["--print", "--backend=port=80", "--exclude-port=80"], /port 80 is excluded/],
  ["a listener on loopback", ["--print", "--backend=port=80,listen=127.0.0.1:15080"], /listen on \[::\]:15080/],
  ["a manifest that is not there", ["--print", "--backend=port=80", "--pod=/nowhere.yaml"], /cannot be read/],
];
for (const [name, argv, message] of refusals) {
  test(`redirect refuses ${name}`, async () => {
    const { code, stdout, stderr } = await runCommand(runRedirect, ...argv);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, message);
  });
}

test("what is missing or cannot be meant is usage, all of it named", async () => {
  const { code, stderr } = await runCommand(runRedirect, "--print", "--apply", "--exclude-port=0", "--tool=ufw");
  assert.equal(code, 2);
  for (const part of ["one of --print, --apply and --remove", "--exclude-port", "--tool", "--backend is missing"])
    assert.ok(stderr.includes(part), part);
});
