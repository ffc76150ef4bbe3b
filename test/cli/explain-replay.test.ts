import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runExplain } from "../../src/cli/explain.ts";
import { runCommand, runCommandWithInput } from "../support/process/command.ts";
import { backend, mutual, policy, principal, range, service, slice, type Manifest } from "../support/mesh/objects.ts";
import { freePorts } from "../support/process/ports.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const directory = temporaryDirectory();

before(() => {
  const objects = [
    policy([mutual], [service("gw/edge"), principal("edge.gw.cluster.local")], "test/tls"),
    policy([backend("foo", 81, "http")], [range("10.1.0.0/16")], "test/plain"),
    slice("gw/edge", "10.0.0.1"),
  ];
  writeFileSync(join(directory.path, "a.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
});

after(() => directory[Symbol.dispose]());

const CALLER = {
  port: 81,
  address: "10.1.2.3",
  tls: false,
  certificate: "unseen",
  sans: [],
  verdict: "forward",
  count: 1,
};
const LABEL = "openservicemesh.io/monitored-by";
const POD = { namespace: "test", services: ["foo"] };
const PEERS = { kind: "postern-peers", version: 2, pod: POD, peers: [CALLER] };

test("a memory that a thread did not answer for is not whole, and nothing is judged by it", async () => {
  using seen = temporaryDirectory();
  const file = join(seen.path, "peers.json");
  const replayed = async (silentThreads: readonly number[]) => {
    writeFileSync(file, JSON.stringify({ ...PEERS, silentThreads }));
    return runCommand(runExplain, `--replay=${file}`, `--manifests=${directory.path}`);
  };
  assert.equal((await replayed([])).code, 0);
  const { code, stdout, stderr } = await replayed([1]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /its memory is not whole: data-plane thread 1 did not answer; ask again/);
});

test("a memory may come by stdin; one in which nobody can be judged is no all-clear", async () => {
  const replayed = (peers: readonly object[]) =>
    runCommandWithInput(runExplain, JSON.stringify({ ...PEERS, peers }), "--replay=-", `--manifests=${directory.path}`);
  assert.equal((await replayed([CALLER])).code, 0);
  const unseen = { ...CALLER, port: 80, tls: true, verdict: "close", reason: "draining" };
  const part = await replayed([CALLER, unseen]);
  assert.equal(part.code, 0, part.stderr);
  const { code, stderr } = await replayed([unseen]);
  assert.equal(code, 2);
  assert.match(stderr, /none of its 1 callers can be judged: .*everybody was refused \(draining\)/);
});

test("a replay of a namespace or Service that nothing speaks of is a slip, not a refusal of everybody", async () => {
  using seen = temporaryDirectory();
  const file = join(seen.path, "peers.json");
  writeFileSync(file, JSON.stringify(PEERS));
  const replay = (...argv: readonly string[]) =>
    runCommand(runExplain, `--replay=${file}`, `--manifests=${directory.path}`, ...argv);
  assert.equal((await replay("--namespace=test", "--service=foo")).code, 0);
  for (const [argv, words] of [
    [
      ["--namespace=tets", "--service=foo"],
      /--namespace tets: \S+ has no IngressBackend, .*, did you mean 'test'\? There are those of gw, test$/m,
    ],
    [["--namespace=default", "--service=foo"], /--namespace default: .* of it; there are those of gw, test$/m],
    [
      ["--namespace=test", "--service=fooo"],
      /--service fooo: no IngressBackend, .* names it, did you mean 'foo'\? There are those of foo$/m,
    ],
    [
      ["--service=foo", "--service=fooo"],
      /--service fooo: no IngressBackend, .* names it, did you mean 'foo'\? There are those of foo$/m,
    ],
  ] as const) {
    const { code, stdout, stderr } = await replay(...argv);
    assert.deepEqual([code, stdout], [2, ""], argv.join(" "));
    assert.match(stderr, words);
  }
  const elsewhere = await runCommand(
    runExplain,
    `--manifests=${directory.path}`,
    "--namespace=tets",
    "--service=foo",
    "--port=81",
    "--from=10.1.2.3",
  );
  assert.equal(elsewhere.code, 2);
  assert.match(elsewhere.stderr, /did you mean 'test'\?/);
});

const kept = policy([backend("foo", 81, "http")], [range("10.1.0.0/16")], "test/plain");

const slips: readonly (readonly [string, string, readonly object[], RegExp])[] = [
  [
    "a broken file beside a good one",
    "kind: [oops\n",
    [CALLER],
    /b\.yaml:\d+: document 1 is broken, and its file would/,
  ],
  [
    "a misspelt kind",
    JSON.stringify({ ...kept, kind: "IngresBackend" }),
    [CALLER],
    /b\.yaml:1: \S+ IngresBackend would be left out: unknown kind 'IngresBackend', did you mean 'IngressBackend'\?$/m,
  ],
  [
    "a misspelt kind of what sources are",
    JSON.stringify({ ...slice("gw/other", "10.0.0.2"), kind: "EndpointSlices" }),
    [CALLER],
    /b\.yaml:1: \S+ EndpointSlices would be left out: unknown kind 'EndpointSlices', did you mean 'EndpointSlice'\?$/m,
  ],
  [
    "an object without a namespace",
    JSON.stringify({ ...kept, metadata: { name: "plain" } }),
    [CALLER],
    /b\.yaml:1: IngressBackend default\/plain would be left out: it is of namespace 'default' \(default where .* 'test'; mend/,
  ],
  [
    "an object of a misspelt namespace",
    JSON.stringify({ ...kept, metadata: { name: "plain", namespace: "tset" } }),
    [CALLER],
    /IngressBackend tset\/plain would be left out: .*, did you mean 'test'\?/,
  ],
  [
    "an object of another name for a port that is governed already",
    JSON.stringify({ ...policy([backend("foo", 81, "http")], [range("10.9.0.0/16")], "test/plane") }),
    [CALLER],
    /IngressBackend test\/plane governs no port: backend foo on port 81 is already governed by IngressBackend test\/plain/,
  ],
  ["a memory of nobody", "", [], /--replay \S+: it remembers no caller/],
];

for (const [about, text, peers, words] of slips)
  test(`a replay of ${about} has nothing to judge by, and is no all-clear`, async () => {
    using edited = temporaryDirectory();
    using seen = temporaryDirectory();
    writeFileSync(join(edited.path, "a.yaml"), JSON.stringify(kept));
    writeFileSync(join(edited.path, "b.yaml"), text);
    const file = join(seen.path, "peers.json");
    writeFileSync(file, JSON.stringify({ ...PEERS, peers }));
    const argv = [`--replay=${file}`, `--manifests=${edited.path}`, "--namespace=test", "--service=foo"];
    const { code, stdout, stderr } = await runCommand(runExplain, ...argv);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, words);
  });

test("a replay by policies of other Services is no all-clear; one by ours says which, and when the callers were seen", async () => {
  using edited = temporaryDirectory();
  using seen = temporaryDirectory();
  const file = join(seen.path, "peers.json");
  const replay = () =>
    runCommand(runExplain, `--replay=${file}`, `--manifests=${edited.path}`, "--namespace=test", "--service=foo");
  const other = policy([backend("bar", 81, "http")], [range("10.1.0.0/16")], "test/bar");
  const refused = { ...CALLER, verdict: "close", reason: "no-policy" };
  writeFileSync(file, JSON.stringify({ ...PEERS, peers: [refused] }));
  writeFileSync(join(edited.path, "a.yaml"), JSON.stringify(other));
  writeFileSync(join(edited.path, "b.yaml"), JSON.stringify(slice("test/foo", "10.0.0.2")));
  const idle = await replay();
  assert.equal(idle.code, 2);
  assert.match(
    idle.stderr,
    /--manifests \S+: none of its 1 IngressBackends governs a port of Service foo in namespace test/,
  );

  const times = { firstSeen: Date.UTC(2030, 0, 1), lastSeen: Date.UTC(2030, 0, 2) };
  writeFileSync(file, JSON.stringify({ ...PEERS, peers: [{ ...CALLER, ...times }] }));
  writeFileSync(join(edited.path, "c.yaml"), JSON.stringify(kept));
  const judged = await replay();
  assert.equal(judged.code, 0);
  assert.match(
    judged.stdout,
    /^judged by 1 IngressBackends of --manifests: test\/plain; 1 more govern no .*: test\/bar$/m,
  );
  assert.match(judged.stdout, /^the callers were seen from 2030-01-01T00:00:00.000Z to 2030-01-02T00:00:00.000Z: /m);
});

test("a replay judges for the pod that remembers: its mesh, namespace and Services, unless a flag contradicts, which is said", async () => {
  using edited = temporaryDirectory();
  using seen = temporaryDirectory();
  const file = join(seen.path, "peers.json");
  const caller = { ...CALLER, address: "10.0.0.1" };
  writeFileSync(file, JSON.stringify({ ...PEERS, pod: { ...POD, meshName: "osm" }, peers: [caller] }));
  const objects = [
    policy([backend("foo", 81, "http")], [service("gw/edge")], "test/plain"),
    slice("gw/edge", "10.0.0.1"),
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "gw", labels: {} } },
  ];
  writeFileSync(join(edited.path, "a.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  const replay = (...argv: readonly string[]) =>
    runCommand(runExplain, `--replay=${file}`, `--manifests=${edited.path}`, ...argv);
  const labelled = await replay();
  assert.equal(labelled.code, 1);
  assert.match(labelled.stdout, /would be refused: source-without-endpoints: .*gw/);

  objects[2] = { apiVersion: "v1", kind: "Namespace", metadata: { name: "gw", labels: { [LABEL]: "other" } } };
  writeFileSync(join(edited.path, "a.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  const other = await replay("--mesh-name=other", "--service=foo", "--pod-name=foo-1");
  assert.equal(other.code, 0, other.stdout);
  assert.equal(
    other.stderr,
    "--pod-name foo-1 counts, although the sidecar of --replay has none\n--mesh-name other counts, although the sidecar of --replay has 'osm'\n",
  );
});

test("a server name that a caller chose forges no line of a replay and steers no terminal", async () => {
  const sni = "x\u001B[2J\u0007\n2 peers: 0 would be refused that are served";
  const { code, stdout } = await runCommandWithInput(
    runExplain,
    JSON.stringify({ ...PEERS, peers: [CALLER, { ...CALLER, address: "192.0.2.1", sni }] }),
    "--replay=-",
    `--manifests=${directory.path}`,
  );
  assert.equal(code, 1);
  assert.match(stdout, /^192\.0\.2\.1 to port 81 \(sni x\\u\{1b\}\[2J\\u\{7\}\\u\{a\}2 peers: /m);
  assert.deepEqual(stdout.match(/^2 peers: \d/gm), ["2 peers: 1"]);
});

test("a caller that the audit of the sidecar's process alone lets in loses nothing until that ends", async () => {
  const replayed = (auditUntil: number | undefined, ...manifests: readonly object[]) => {
    writeFileSync(join(edited.path, "a.yaml"), manifests.map((object) => JSON.stringify(object)).join("\n---\n"));
    const pod = { ...POD, auditUntil };
    const peers = [{ ...CALLER, address: "192.0.2.1" }];
    const memory = JSON.stringify({ ...PEERS, pod, peers });
    return runCommandWithInput(runExplain, memory, "--replay=-", `--manifests=${edited.path}`, "--json");
  };
  using edited = temporaryDirectory();
  const plain = policy([backend("foo", 81, "http")], [range("10.1.0.0/16")], "test/plain");
  const enforced = { ...plain, metadata: { ...plain.metadata, annotations: { "postern.dev/enforcement": "enforce" } } };
  const HOUR = 3_600_000;
  for (const [about, auditUntil, object, code, effect] of [
    ["in audit", Date.now() + HOUR, plain, 0, "audit"],
    ["after it", Date.now() - HOUR, plain, 1, "loses"],
    ["not said", undefined, plain, 1, "loses"],
    ["an object that is always enforced", Date.now() + HOUR, enforced, 1, "loses"],
  ] as const) {
    const result = await replayed(auditUntil, object);
    assert.equal(result.code, code, `${about}: ${result.stderr}`);
    assert.match(result.stdout, new RegExp(`"effect":"${effect}"`), about);
  }
});

test("a Service of the sidecar itself that no edited object names is no slip", async () => {
  const memory = JSON.stringify({ ...PEERS, pod: { ...POD, services: ["foo", "foo-headless"] } });
  const replayed = (...argv: readonly string[]) =>
    runCommandWithInput(runExplain, memory, "--replay=-", `--manifests=${directory.path}`, ...argv);
  assert.equal((await replayed()).code, 0);
  assert.equal((await replayed("--service=foo", "--service=foo-headless")).code, 2);
});

test("what looks like an address is one, and everything else a file", async () => {
  const [port] = await freePorts(1);
  for (const [from, words] of [
    [`127.0.0.1:${port}`, /--replay 127\.0\.0\.1:\d+: nobody listens there/],
    [`localhost:${port}/peers`, /--replay localhost:\d+\/peers: nobody listens there/],
    ["http://[", /--replay 'http:\/\/\[': that is no URL: expected the admin port of a sidecar/],
    ["./127.0.0.1:1", /--replay \.\/127\.0\.0\.1:1: .*no such file/],
    ["nowhere.json", /--replay nowhere\.json: .*no such file/],
  ] as const) {
    const { code, stderr } = await runCommand(runExplain, `--replay=${from}`, `--manifests=${directory.path}`);
    assert.equal(code, 2);
    assert.match(stderr, words);
  }
});

test("an edited object that an older one of its name keeps from having an effect approves of nothing, and explain says so", async () => {
  using both = temporaryDirectory();
  const created = (object: Manifest, second: number): Manifest => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  });
  const older = created(policy([backend("foo", 81, "http")], [range("10.1.0.0/16")], "test/plain"), 1);
  const younger = created(policy([backend("foo", 81, "http")], [range("10.9.0.0/16")], "test/plain"), 2);
  const fork = { ...younger, apiVersion: "policy.flomesh.io/v1alpha1" };
  writeFileSync(join(both.path, "a.yaml"), [older, fork].map((object) => JSON.stringify(object)).join("\n---\n"));
  const words =
    /IngressBackend test\/plain: this object has no effect: .* of policy\.openservicemesh\.io is older and governs$/m;
  const replayed = await runCommandWithInput(
    runExplain,
    JSON.stringify(PEERS),
    "--replay=-",
    `--manifests=${both.path}`,
  );
  assert.deepEqual([replayed.code, replayed.stdout], [2, ""]);
  assert.match(replayed.stderr, words);
  const asked = ["--namespace=test", "--service=foo", "--port=81"];
  const explained = await runCommand(runExplain, `--manifests=${both.path}`, ...asked, "--from=10.1.2.3");
  assert.equal(explained.code, 0);
  assert.match(explained.stderr, words);
});
