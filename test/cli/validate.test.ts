import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runValidate } from "../../src/cli/validate.ts";
import { runCommand, runCommandWithInput } from "../support/process/command.ts";
import { backend, http, mutual, policy, principal, range, service, type Manifest } from "../support/mesh/objects.ts";
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

const problemsOf = async (
  text: string,
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly messages: readonly string[] }> => {
  const { code, stdout } = await runCommandWithInput(runValidate, text, "-", "--json", ...argv);
  return { code, messages: (JSON.parse(stdout) as Report).problems.map(({ message }) => message) };
};

test("a dash is the standard input", async () => {
  assert.equal((await problemsOf(JSON.stringify(policy([http], [range("10.0.0.0/8")])))).code, 0);
  const { code, messages } = await problemsOf(JSON.stringify(policy([http], [range("nonsense")])));
  assert.equal(code, 1);
  assert.match(messages.join(), /IPRange/);
});

test("that no IngressBackend was found is a problem, unless that is allowed", async () => {
  for (const text of ["", JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "a" } })]) {
    assert.deepEqual(await problemsOf(text), {
      code: 1,
      messages: ["no IngressBackend was found in the standard input (--allow-empty if that is meant)"],
    });
    assert.deepEqual(await problemsOf(text, "--allow-empty"), { code: 0, messages: [] });
  }
});

test("a misspelt kind or apiVersion is named, another kind of the group is none of our business", async () => {
  const object = policy([http], [range("10.0.0.0/8")]);
  for (const [fields, expected] of [
    [{ kind: "IngresBackend" }, [/unknown kind 'IngresBackend', did you mean 'IngressBackend'\?/]],
    [{ kind: "ingressbackend" }, [/unknown kind 'ingressbackend', did you mean 'IngressBackend'\?/]],
    [
      { apiVersion: "policy.openservicemesh.io/v1" },
      [/unknown apiVersion .*expected policy\.openservicemesh\.io\/v1alpha1/],
    ],
    [{ apiVersion: "policy.openservicmesh.io/v1alpha1" }, [/expected policy\.openservicemesh\.io\/v1alpha1/]],
    [{ kind: "Sevice", apiVersion: "v1" }, [/unknown kind 'Sevice', did you mean 'Service'\?/]],
    [{ kind: "Egress" }, []],
    [{ kind: "Secret", apiVersion: "v1" }, []],
    [{ kind: "Ingress", apiVersion: "networking.k8s.io/v1" }, []],
  ] as const) {
    const { messages } = await problemsOf(JSON.stringify({ ...object, ...fields }), "--allow-empty");
    assert.equal(messages.length, expected.length, messages.join());
    for (const [index, pattern] of expected.entries()) assert.match(messages[index]!, pattern);
  }
});

test("one fault hides no other: of the schema, of admission, of another document", async () => {
  const twice = policy(
    [backend("foo", 0, "http"), backend("foo", 81, "gopher")],
    [range("nonsense"), { kind: "Service" }],
  );
  const { code, messages } = await problemsOf(`a: [\n---\n${JSON.stringify(twice)}\n`);
  assert.equal(code, 1);
  for (const pattern of [/greater than or equal to 1/, /got: gopher/, /IPRange/, /Required value/, /flow|expected/i])
    assert.ok(
      messages.some((message) => pattern.test(message)),
      `${pattern}: ${messages.join("; ")}`,
    );
});

test("of an object that breaks the schema, all that admission has against its other parts is told", async () => {
  const https = { name: "foo", port: { number: 80, protocol: "https" }, tls: { skipClientCertValidation: false } };
  const broken = {
    ...policy([], [range("10.0.0.0/8"), { kind: "Service", name: "" }], "test/broken"),
    spec: {
      backends: [
        https,
        https,
        { name: "foo", port: { number: 81 } },
        { name: "foo", port: { number: 82, protocol: "http" } },
      ],
      sources: [
        { kind: "IPRange", name: "10.0.0.0/8" },
        { kind: "Service", name: "" },
      ],
    },
  };
  const other = policy([backend("foo", 82, "http")], [range("10.0.0.0/8")], "test/other");
  const { messages } = await problemsOf([broken, other].map((object) => JSON.stringify(object)).join("\n---\n"));
  for (const pattern of [
    /^Required value$/,
    /^Duplicate backends detected with service name: foo and port: 80$/,
    /must specify at least one 'AuthenticatedPrincipal` source/,
    /^'source.name' not specified for source kind Service$/,
    /^'source.namespace' not specified for source kind Service$/,
    /Backend foo specified in broken and other conflicts/,
    /Backend foo specified in other and broken conflicts/,
    /^backend Service test\/foo is not among the given objects$/,
  ])
    assert.ok(
      messages.some((message) => pattern.test(message)),
      `${pattern}: ${messages.join("; ")}`,
    );
  assert.equal(messages.filter((message) => message === "Required value").length, 1);
});

test("nothing is found in a place that is named, not in a line of none", async () => {
  using empty = temporaryDirectory();
  const { code, stdout } = await runCommand(runValidate, empty.path);
  assert.equal(code, 1);
  assert.match(stdout, /^error: no file with an ending \.yaml, \.yml or \.json was found in \/.*\(--allow-empty/);
  assert.doesNotMatch(stdout, /:1:/);
});

test("the end of an audit that has passed, or that nobody will see, is a warning", async () => {
  const annotated = (value: string) => {
    const object = policy([http], [range("10.0.0.0/8")]);
    return JSON.stringify({
      ...object,
      metadata: { ...object.metadata, annotations: { "postern.dev/enforcement": value } },
    });
  };
  for (const [value, expected] of [
    ["audit:2020-01-31T18:00:00Z", /^its audit ended at 2020-01-31T18:00:00.000Z$/],
    ["audit:9999-12-31T23:59:59Z", /^its audit ends at 9999-12-31T23:59:59.000Z, in more than 90 days/],
    [`audit:${new Date(Date.now() + 3_600_000).toISOString()}`, undefined],
  ] as const) {
    const { code, messages } = await problemsOf(annotated(value));
    assert.equal(code, 0);
    const found = messages.filter((message) => message.includes("audit"));
    assert.equal(found.length, expected === undefined ? 0 : 1, messages.join("; "));
    if (expected !== undefined) assert.match(found[0] ?? "", expected);
  }
});

test("an external authorization that nobody enforces fails", async () => {
  const spec = { traffic: { inboundExternalAuthorization: { enable: true } } };
  const mesh = {
    apiVersion: "config.openservicemesh.io/v1alpha2",
    kind: "MeshConfig",
    metadata: { name: "osm" },
    spec,
  };
  const { code, messages } = await problemsOf(JSON.stringify(mesh));
  assert.equal(code, 1);
  assert.match(messages.join(), /external authorization is not enforced/);
});

test("a directory that holds a link to itself, and a device, end the command", async () => {
  symlinkSync(directory.path, at("deeper/loop"));
  assert.equal((await runCommand(runValidate, directory.path, "--json")).code, 1);
  const device = await runCommand(runValidate, "/dev/zero");
  assert.equal(device.code, 2);
  assert.match(device.stderr, /\/dev\/zero is a device, pipe or socket/);
});

test("what OSM admits and a sidecar keeps closed is a problem: no use of its sources, none, a server name that is none", async () => {
  const skip = { skipClientCertValidation: true };
  for (const [object, expected] of [
    [
      policy([http], [principal("a.b")]),
      /^only AuthenticatedPrincipal sources are listed.*; the backend stays closed$/,
    ],
    [
      policy([backend("foo", 80, "https", skip)], [principal("a.b")]),
      /^only AuthenticatedPrincipal sources are listed/,
    ],
    [policy([http], []), /^no source is listed: nobody is let in$/],
    [
      policy([backend("foo", 80, "https", { ...skip, sniHosts: [""] })], [range("10.0.0.0/8")]),
      /^Invalid 'tls\.sniHosts' value ''.*; the backend stays closed$/,
    ],
    [policy([backend("", 80, "http")], [range("10.0.0.0/8")]), /^names no Service$/],
  ] as const) {
    const { code, stdout } = await runCommandWithInput(runValidate, JSON.stringify(object), "-", "--json");
    const errors = (JSON.parse(stdout) as Report).problems.filter(({ severity }) => severity === "error");
    assert.deepEqual([code, errors.length], [1, 1], stdout);
    assert.match(errors[0]!.message, expected);
  }
});

test("names and values in objects forge no line of the report and steer no terminal; OSM's own lines become one", async () => {
  const texts = [
    policy([http], [range("10.0.0.0/8\u001B[2J\nforged")], "test/a\u0007\nforged"),
    policy([http], [range("10.0.0.0/8")], "test/b"),
  ];
  const { stdout } = await runCommandWithInput(
    runValidate,
    texts.map((object) => JSON.stringify(object)).join("\n---\n"),
    "-",
  );
  assert.match(stdout, /IngressBackend test\/a\\u\{7\}\\u\{a\}forged: /);
  assert.match(stdout, /\\u\{1b\}\[2J/);
  assert.match(stdout, /duplicate backends detected; \[\+\] IngressBackend test\/b conflicts with /);
  assert.doesNotMatch(stdout, /(?!\n)\p{Cc}|^forged/mu);
});

test("of one name that is given twice, what has no effect or cannot be told apart is an error, and a copy is none", async () => {
  const created = (object: Manifest, second: number): Manifest => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  });
  const named = (network: string): Manifest => policy([http], [range(network)], "test/twice");
  const ofFork = (object: Manifest): Manifest => ({ ...object, apiVersion: "policy.flomesh.io/v1alpha1" });
  const errorsOf = async (...objects: readonly Manifest[]): Promise<readonly string[]> => {
    const input = objects.map((object) => JSON.stringify(object)).join("\n---\n");
    const { stdout } = await runCommandWithInput(runValidate, input, "-", "--json");
    const { problems } = JSON.parse(stdout) as Report;
    return problems.filter(({ severity }) => severity === "error").map(({ message }) => message);
  };
  const differs = "the object is defined more than once, with different content";
  assert.deepEqual(await errorsOf(named("10.1.0.0/16"), named("10.2.0.0/16")), [differs, differs]);
  assert.deepEqual(await errorsOf(named("10.1.0.0/16"), ofFork(named("10.2.0.0/16"))), [differs, differs]);
  assert.deepEqual(await errorsOf(created(named("10.1.0.0/16"), 1), created(named("10.1.0.0/16"), 2)), []);
  assert.deepEqual(await errorsOf(created(named("10.1.0.0/16"), 2), ofFork(created(named("10.2.0.0/16"), 1))), [
    "this object has no effect: IngressBackend test/twice of policy.flomesh.io is older and governs",
  ]);
  const broken = policy([{ name: "foo" }], [range("10.1.0.0/16")], "test/twice");
  const ofBroken = await errorsOf(broken);
  assert.ok(ofBroken.length > 0);
  assert.deepEqual(await errorsOf(broken, named("10.2.0.0/16")), [...ofBroken, differs, differs]);
  assert.deepEqual(await errorsOf(created(broken, 1), ofFork(created(named("10.2.0.0/16"), 2))), [
    ...ofBroken,
    "this object has no effect: IngressBackend test/twice of policy.openservicemesh.io is older and governs",
  ]);
});
