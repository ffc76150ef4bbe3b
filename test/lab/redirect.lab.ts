/** `postern redirect` in a pod's network: what is redirected, what passes, and that it comes and goes as a whole. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { writeManifests } from "../support/process/sidecar.ts";
import { backend, policy, range, type Manifest } from "../support/mesh/objects.ts";
import { Caller } from "./caller-handle.ts";
import { Network, NODE, ON_NODE, type Namespace } from "./network.ts";
import { installed } from "../support/debian-packages.ts";
import { addressOf, Pod } from "./pod.ts";

let network: Network;
let pod: Pod;
let edge: Namespace;
let stranger: Namespace;
let fromEdge: Caller;
let fromStranger: Caller;
let fromNode: Caller;

const listed = (): Manifest =>
  policy([backend("foo", 80, "http")], [range(`${edge.ipv4}/32`), range(`${edge.ipv6}/128`)]);
const run = (): readonly string[] => [`--manifests=${pod.directory}`, "--namespace=test", "--service=foo"];
const urls = (port: number | string = 80): readonly [name: string, url: string][] => [
  ["IPv4", `http://${pod.namespace.ipv4}:${port}/`],
  ["IPv6", `http://[${pod.namespace.ipv6}]:${port}/`],
];

before(async () => {
  network = await Network.create();
  pod = new Pod(await network.add("pod", 30));
  edge = await network.add("edge", 11);
  stranger = await network.add("stranger", 12);
  fromEdge = new Caller(edge);
  fromStranger = new Caller(stranger);
  fromNode = new Caller(ON_NODE);
  await pod.serve("0.0.0.0:80", "[::]:80", "0.0.0.0:81", "[::]:81");
});

after(async () => {
  for (const caller of [fromEdge, fromStranger, fromNode]) await caller[Symbol.asyncDispose]();
  await pod[Symbol.asyncDispose]();
  await network[Symbol.asyncDispose]();
});

for (const tool of ["nft", "iptables"] as const) {
  describe(`with ${tool}`, () => {
    const apply = (...more: readonly string[]): Promise<string> =>
      pod.redirect("--apply", `--tool=${tool}`, "--backend=port=80", ...more);
    const rules = async (): Promise<string> =>
      tool === "nft"
        ? pod.namespace.run("nft", "list", "ruleset")
        : `${await pod.namespace.run("iptables-save", "-t", "nat")}${await pod.namespace.run("ip6tables-save", "-t", "nat")}`.replaceAll(
            /^#.*$|\[\d+:\d+\]/gm,
            "",
          );

    before(async () => {
      writeManifests(pod.directory, [listed()]);
      await pod.startSidecar(...run(), "--backend=port=80");
    });
    after(async () => {
      await pod.redirect("--remove");
      await pod.stopSidecar();
    });

    test("before it is applied the application answers everybody", async () => {
      for (const [, url] of urls()) assert.equal(await fromStranger.outcome({ url }), 200);
    });

    test("a redirected port is judged by the client's own address, IPv4 and IPv6; other ports pass", async () => {
      assert.match(await apply(), new RegExp(`redirected with ${tool}, IPv4 and IPv6: 80 to 15080`));
      for (const [family, url] of urls()) {
        assert.equal(await fromEdge.outcome({ url }), 200, family);
        assert.notEqual(await fromStranger.outcome({ url }), 200, family);
        const address = family === "IPv4" ? stranger.ipv4 : stranger.ipv6;
        const line = await pod.log.next((entry) => addressOf(entry) === address && entry["end"] === "refused");
        assert.equal(line["reason"], "source-not-listed");
      }
      for (const [, url] of urls(81)) assert.equal(await fromStranger.outcome({ url }), 200);
    });

    test("the pod's own loopback is never redirected, and neither is the sidecar's leg to the application", async () => {
      assert.equal(await pod.inside.outcome({ url: "http://127.0.0.1:80/" }), 200);
      assert.equal(await pod.inside.outcome({ url: `http://${pod.namespace.ipv4}:80/` }), 200);
      const told = await fromEdge.ask({ url: `http://${pod.namespace.ipv4}/` });
      assert.ok("status" in told && told.status === 200);
    });

    test("applied again, the rules are the same", async () => {
      const once = await rules();
      await apply();
      assert.equal(await rules(), once);
    });

    test("what cannot be applied changes nothing", async () => {
      const once = await rules();
      await assert.rejects(apply("--backend=port=15080,listen=[::]:9999"), /listener of another backend/);
      await assert.rejects(apply("--exclude-source=10.99.0.300"), /not an address or range/);
      assert.equal(await rules(), once);
    });

    test("the kubelet's probes fail while the port is redirected, and pass once the node is exempt", async () => {
      const [[, url]] = urls() as [[string, string]];
      assert.notEqual(await fromNode.outcome({ url }), 200);
      await apply(`--exclude-source=${NODE.ipv4}`);
      assert.equal(await fromNode.outcome({ url }), 200);
      assert.notEqual(await fromStranger.outcome({ url }), 200);
    });

    test("an excluded interface passes whole", async () => {
      await apply("--exclude-interface=eth0");
      for (const [, url] of urls()) assert.equal(await fromStranger.outcome({ url }), 200);
      await apply();
      for (const [, url] of urls()) assert.notEqual(await fromStranger.outcome({ url }), 200);
    });

    test("removed, nothing is left, and removing again is no fault", async () => {
      await pod.redirect("--remove");
      for (const [, url] of urls()) assert.equal(await fromStranger.outcome({ url }), 200);
      assert.doesNotMatch(await rules(), /15080|POSTERN|postern/);
      await pod.redirect("--remove");
    });
  });
}

test("an application that listens only on the pod's address is reached too", async () => {
  await pod.stopServing();
  await pod.serve(`${pod.namespace.ipv4}:80`);
  writeManifests(pod.directory, [listed()]);
  await pod.startSidecar(...run(), `--backend=port=80,app=${pod.namespace.ipv4}:80`);
  try {
    await pod.redirect("--apply", "--backend=port=80");
    for (const [family, url] of urls()) {
      assert.equal(await fromEdge.outcome({ url }), 200, family);
      assert.notEqual(await fromStranger.outcome({ url }), 200, family);
    }
  } finally {
    await pod.redirect("--remove");
    await pod.stopSidecar();
  }
});

test("without capabilities: the target port is the sidecar's, and the application is on loopback", async () => {
  await pod.stopServing();
  await pod.serve("127.0.0.1:8080");
  writeManifests(pod.directory, [policy([backend("foo", 15_080, "http")], [range(`${edge.ipv4}/32`)])]);
  await pod.startSidecar(...run(), "--backend=port=15080,listen=[::]:15080,app=127.0.0.1:8080");
  try {
    assert.equal(await fromEdge.outcome({ url: `http://${pod.namespace.ipv4}:15080/` }), 200);
    assert.notEqual(await fromStranger.outcome({ url: `http://${pod.namespace.ipv4}:15080/` }), 200);
    assert.equal(await fromStranger.outcome({ url: `http://${pod.namespace.ipv4}:8080/` }), "ECONNREFUSED");
  } finally {
    await pod.stopSidecar();
  }
});

test("a refused node's address is explained by what usually masks a gateway", async () => {
  await pod.stopServing();
  await pod.serve("0.0.0.0:80");
  writeManifests(pod.directory, [listed()]);
  await pod.startSidecar(...run(), "--backend=port=80", `--node-ip=${NODE.ipv4}`);
  try {
    await pod.redirect("--apply", "--backend=port=80");
    assert.notEqual(await fromNode.outcome({ url: `http://${pod.namespace.ipv4}/` }), 200);
    const line = await pod.log.next((entry) => addressOf(entry) === NODE.ipv4);
    assert.match(String(line["nearest"]), /10\.99\.0\.1 is a node's address: .*SNAT.*host network/);
    assert.match(await pod.admin(`/explain?port=80&from=${NODE.ipv4}`), /SNAT/);
  } finally {
    await pod.redirect("--remove");
    await pod.stopSidecar();
  }
});

test("the node's own network is refused", () => {
  assert.ok(installed("nft"));
  const argv = [
    "src/main.ts",
    "redirect",
    "--apply",
    "--backend=port=80",
    `--pod-ip=${NODE.ipv4}`,
    `--node-ip=${NODE.ipv4}`,
  ];
  assert.throws(() => execFileSync(process.execPath, argv, { stdio: "pipe" }), /node's own network namespace/);
  assert.equal(execFileSync("nft", ["list", "ruleset"]).toString(), "");
});
