import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runExplain } from "../../src/cli/explain.ts";
import { runCommand } from "../support/process/command.ts";
import { backend, mutual, policy, principal, range, service, slice } from "../support/mesh/objects.ts";
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
