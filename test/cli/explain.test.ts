import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runExplain } from "../../src/cli/explain.ts";
import { runCommand } from "../support/process/command.ts";
import { freePorts } from "../support/process/ports.ts";
import { backend, mutual, policy, principal, range, service, serviceObject, slice } from "../support/mesh/objects.ts";
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

const question = (...argv: readonly string[]) =>
  runCommand(runExplain, `--manifests=${directory.path}`, "--namespace=test", "--service=foo", ...argv);

const rows = [
  [["--port=81", "--from=10.1.2.3"], 0, { verdict: "forward", reason: "allowed", source: "IPRange 10.1.0.0/16" }],
  [["--port=81", "--from=::ffff:10.1.2.3"], 0, { verdict: "forward" }],
  [["--port=81", "--from=10.2.0.1"], 1, { verdict: "close", reason: "source-not-listed", policy: "test/plain" }],
  [["--port=81", "--from=10.1.2.3", "--tls"], 1, { verdict: "close", reason: "tls-unexpected" }],
  [["--port=82", "--from=10.1.2.3"], 1, { verdict: "close", reason: "no-policy" }],
  [["--port=80", "--from=10.0.0.1"], 1, { verdict: "close", reason: "tls-expected" }],
  [["--port=80", "--from=10.0.0.1", "--tls", "--no-cert"], 1, { verdict: "tls-alert", reason: "certificate-missing" }],
  [["--port=80", "--from=10.0.0.1", "--tls"], 1, { verdict: "forbidden", reason: "principal-missing" }],
  [
    ["--port=80", "--from=10.0.0.1", "--tls", "--san=dns:edge.gw.cluster.local"],
    0,
    { verdict: "forward", source: "Service gw/edge", principal: "edge.gw.cluster.local" },
  ],
  [
    ["--port=80", "--from=10.0.0.1", "--tls", "--san=dns:Edge.gw.cluster.local", "--san=uri:spiffe://a"],
    1,
    { verdict: "forbidden", reason: "principal-not-listed" },
  ],
] as const;

for (const [argv, code, expected] of rows) {
  test(`explain ${argv.join(" ")}: ${expected.verdict}`, async () => {
    const result = await question(...argv, "--json");
    assert.equal(result.code, code);
    const answer = JSON.parse(result.stdout) as Record<string, unknown>;
    assert.deepEqual({ ...answer, ...expected }, answer);
    assert.equal(typeof answer["nearest"], code === 0 ? "undefined" : "string");
    const words = await question(...argv);
    assert.match(words.stdout, new RegExp(expected.verdict));
  });
}

test("what is missing or cannot be meant is usage, all of it named", async () => {
  const { code, stderr } = await runCommand(runExplain, "--port=0", "--from=nobody", "--san=x", "--no-cert");
  assert.equal(code, 2);
  for (const name of ["--manifests", "--service", "--port", "--from", "--san"]) assert.match(stderr, new RegExp(name));
});

test("the near miss of a policy is named: a misspelt kind, another namespace, none", async () => {
  const plain = policy([backend("foo", 81, "http")], [range("10.1.0.0/16")], "test/plain");
  for (const [object, words] of [
    [
      { ...plain, kind: "IngresBackend" },
      /a\.yaml:1: \S+ IngresBackend is left out: unknown kind .*, did you mean 'IngressBackend'\?/,
    ],
    [
      { ...slice("gw/edge", "10.1.0.1"), kind: "EndpointSlices" },
      /a\.yaml:1: \S+ EndpointSlices is left out: unknown kind 'EndpointSlices', did you mean 'EndpointSlice'\?/,
    ],
    [
      { ...plain, metadata: { name: "plain", namespace: "tset" } },
      /nearest +IngressBackend tset\/plain is in namespace tset; this pod is in test$/m,
    ],
    [
      { ...plain, metadata: { name: "plain" } },
      /IngressBackend default\/plain is in namespace default \(perhaps its metadata\.namespace is missing\); this pod/,
    ],
  ] as const) {
    using manifests = temporaryDirectory();
    const file = join(manifests.path, "a.yaml");
    const argv = [`--manifests=${manifests.path}`, "--namespace=test", "--service=foo", "--port=81", "--from=10.1.0.1"];
    writeFileSync(file, [object, serviceObject("test/foo", 81)].map((each) => JSON.stringify(each)).join("\n---\n"));
    const { code, stdout, stderr } = await runCommand(runExplain, ...argv);
    assert.equal(code, 1);
    assert.match(stdout + stderr, words);
  }
});

test("a namespace of which no object speaks is nothing to judge by: what is near is named, objects for the Service too", async () => {
  const plain = policy([backend("foo", 81, "http")], [range("10.1.0.0/16")], "test/plain");
  for (const [metadata, words] of [
    [
      { name: "plain", namespace: "tset" },
      /--namespace test: .*, did you mean 'tset'\? .*\n.*: IngressBackend tset\/plain is in namespace tset; this pod is/,
    ],
    [
      { name: "plain" },
      /IngressBackend default\/plain is in namespace default \(perhaps its metadata\.namespace is mis/,
    ],
  ] as const) {
    using manifests = temporaryDirectory();
    writeFileSync(join(manifests.path, "a.yaml"), JSON.stringify({ ...plain, metadata }));
    const argv = [`--manifests=${manifests.path}`, "--namespace=test", "--service=foo", "--port=81", "--from=10.1.0.1"];
    const { code, stdout, stderr } = await runCommand(runExplain, ...argv);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, words);
  }
});

test("each Service of which no object speaks is named, beside those that are judged by", async () => {
  const { code, stderr } = await question("--service=fooo", "--service=nothing", "--port=81", "--from=10.1.2.3");
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^--service fooo: no IngressBackend, .* names it, did you mean 'foo'\? There are those of foo$/m,
  );
  assert.match(stderr, /^--service nothing: .* names it; there are those of foo$/m);
  assert.doesNotMatch(stderr, /--service foo:/);
});

test("a Service that is named with its namespace is usage, and what was meant is said", async () => {
  const { code, stderr } = await question("--service=shop/cart", "--port=81", "--from=10.1.0.1");
  assert.equal(code, 2);
  assert.match(stderr, /--service: 'shop\/cart' is no Service name; did you mean --service cart --namespace shop\?$/m);
});

const answers: readonly (readonly [string, number, string, RegExp])[] = [
  ["HTML", 200, "<!doctype html>", /: it holds HTML or XML/],
  ["text", 200, "hello world", /: it holds text that is no JSON and begins with "hello world"/],
  ["JSON of another kind", 200, "{}", /another kind|an empty JSON object/],
  ["a page that is not there", 404, "no", /\/(explain|peers) responds with 404: that is no admin port/],
];

for (const [about, status, body, words] of answers)
  test(`what responds with ${about} in place of a sidecar is said to, without the words of a parser`, async () => {
    const server = createServer((_request, response) => response.writeHead(status).end(body));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?a=1&b=2`;
    try {
      const results = [
        await runCommand(runExplain, `--admin=${url}`, "--port=80", "--from=10.0.0.1"),
        await runCommand(
          runExplain,
          `--replay=${url}`,
          `--manifests=${directory.path}`,
          "--namespace=test",
          "--service=foo",
        ),
      ];
      for (const { code, stderr } of results) {
        assert.equal(code, 2);
        assert.match(stderr, words);
        assert.match(stderr, /http:\/\/127\.0\.0\.1:15000/);
        assert.ok(stderr.includes(` '${url}': `), `the URL can be pasted: ${stderr}`);
        assert.doesNotMatch(stderr, /Unexpected|token|position/);
      }
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

test("where nobody listens, and of a file that is not there, each thing is said once", async () => {
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  for (const [argv, words] of [
    [
      [`--admin=${url}`, "--port=80", "--from=10.0.0.1"],
      /--admin http:\S+\/: nobody listens there: is the sidecar running/,
    ],
    [[`--replay=${url}`, "--manifests=/nowhere", "--service=foo"], /--replay http:\S+: nobody listens there/],
    [
      ["--replay=/nowhere/p", "--manifests=/nowhere", "--service=foo"],
      /--replay \/nowhere\/p: ENOENT: no such file or directory$/m,
    ],
    [
      ["--kubeconfig=/nowhere/k", "--service=foo", "--port=80", "--from=10.0.0.1"],
      /: --?-?kubeconfig \/nowhere\/k cannot be used: ENOENT: no such file or directory$/m,
    ],
  ] as const) {
    const { code, stderr } = await runCommand(runExplain, ...argv);
    assert.equal(code, 2);
    assert.match(stderr, words);
  }
});

test("a listed principal and a name of an object forge no line of the answer and steer no terminal", async () => {
  using manifests = temporaryDirectory();
  const objects = [
    policy([mutual], [range("10.0.0.0/8"), principal("a\u001B[2J\n  verdict    forward")], "test/tls"),
    policy([backend("foo", 81, "http")], [range("nonsense")], "test/b\u0007\nforged"),
  ];
  writeFileSync(join(manifests.path, "a.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  const caller = ["--port=80", "--from=10.0.0.1", "--tls", "--san=dns:other"];
  const pod = [`--manifests=${manifests.path}`, "--namespace=test", "--service=foo"];
  const { stdout, stderr } = await runCommand(runExplain, ...pod, ...caller);
  assert.match(stdout, /^ {2}nearest .*a\\u\{1b\}\[2J\\u\{a\} {2}verdict {4}forward/m);
  assert.deepEqual(stdout.match(/^ {2}verdict .*$/gm), ["  verdict    forbidden"]);
  assert.match(stderr, /test\/b\\u\{7\}\\u\{a\}forged/);
  assert.doesNotMatch(stdout + stderr, /(?!\n)\p{Cc}/u);
});

test("what an object's status warns of is said on stderr: a port that its Service does not declare", async () => {
  using manifests = temporaryDirectory();
  const objects = [policy([backend("foo", 81, "http")], [range("10.0.0.0/8")]), serviceObject("test/foo", 81, 8081)];
  writeFileSync(join(manifests.path, "a.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  const argv = [`--manifests=${manifests.path}`, "--namespace=test", "--service=foo", "--port=81", "--from=10.0.0.1"];
  const { code, stderr } = await runCommand(runExplain, ...argv);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^IngressBackend test\/ib: warning: Service test\/foo declares no target port 81: 'port\.number'/,
  );
});
