import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runValidate } from "../../src/cli/validate.ts";
import { runCommand } from "../support/process/command.ts";
import { backend, http, mutual, policy, principal, range, service } from "../support/mesh/objects.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const directory = temporaryDirectory();
const at = (name: string): string => join(directory.path, name);

before(() => {
  mkdirSync(at("deeper"));
  writeFileSync(at("good.yaml"), JSON.stringify(policy([http], [range("10.0.0.0/8")], "test/good")));
  writeFileSync(
    at("warned.yaml"),
    JSON.stringify(policy([mutual], [service("gw/unknown"), principal("a.b")], "test/warned")),
  );
  writeFileSync(
    at("bad.yaml"),
    [policy([http], [range("10.0.0.0/99")], "test/range"), policy([backend("foo", 81, "grpc")], [], "test/protocol")]
      .map((object) => JSON.stringify(object))
      .join("\n---\n"),
  );
  writeFileSync(at("deeper/broken.yml"), "kind: [unclosed");
});

after(() => directory[Symbol.dispose]());

interface Report {
  readonly problems: readonly {
    readonly severity: string;
    readonly file: string;
    readonly document: number;
    readonly object?: string;
    readonly message: string;
  }[];
  readonly objects: number;
}

test("clean objects are 0; warnings are told and leave it at 0", async () => {
  assert.equal((await runCommand(runValidate, at("good.yaml"))).code, 0);
  const warned = await runCommand(runValidate, at("warned.yaml"), "--json");
  assert.equal(warned.code, 0);
  const { problems } = JSON.parse(warned.stdout) as Report;
  assert.ok(problems.length > 0 && problems.every(({ severity }) => severity === "warning"), warned.stdout);
});

test("problems are 1, each with file, document, object and OSM's text, as one JSON document", async () => {
  const { code, stdout, stderr } = await runCommand(runValidate, directory.path, "--json");
  assert.equal(code, 1);
  assert.equal(stderr, "");
  const { problems, objects } = JSON.parse(stdout) as Report;
  assert.equal(objects, 4);
  const errors = problems.filter(({ severity }) => severity === "error");
  assert.ok(errors.some(({ file, object }) => file.endsWith("bad.yaml") && object === "IngressBackend test/range"));
  assert.ok(
    errors.some(
      ({ document, message }) => document === 2 && message.includes("Expected 'port.protocol' to be 'http' or 'https'"),
    ),
    stdout,
  );
  assert.ok(errors.some(({ file }) => file.endsWith("broken.yml")));
});

test("a path that is not there, no path and unknown flags are usage", async () => {
  for (const argv of [["/nowhere"], [], ["--jason", at("good.yaml")]]) {
    const { code, stderr, stdout } = await runCommand(runValidate, ...argv);
    assert.equal(code, 2, argv.join(" "));
    assert.match(stderr, /nowhere|file or directory|--jason.*--json/);
    assert.equal(stdout, "");
  }
});
