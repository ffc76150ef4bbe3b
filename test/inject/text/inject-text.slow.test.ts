/**
 * Manifests as they come out, held against files: `golden/NAME` became `golden/NAME.injected`. After a change that is meant,
 * `UPDATE_GOLDEN=1` writes them anew; read the difference.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { DEFAULT_OPTIONS, type InjectOptions } from "../../../src/inject/injection.ts";
import { injectText, type InjectedText } from "../../../src/inject/text/inject-text.ts";
import { uninjectText } from "../../../src/inject/text/uninject-text.ts";

const golden = (name: string): string => join(import.meta.dirname, "golden", name);

const CASES: readonly (readonly [name: string, options: Partial<InjectOptions>])[] = [
  ["deployment.yaml", { certificate: { kind: "secret", name: "foo-tls" }, meshName: "osm" }],
  ["statefulset.yaml", { sidecar: "classic" }],
  [
    "daemonset.yaml",
    {
      certificate: {
        kind: "cert-manager",
        issuer: { kind: "ClusterIssuer", name: "mesh" },
        trustDomain: "cluster.local",
      },
    },
  ],
  ["replicaset.yaml", { traffic: "target-port" }],
  ["job.yaml", {}],
  [
    "cronjob.yaml",
    {
      certificate: {
        kind: "csr",
        signerName: "postern.dev/osm",
        trustDomain: "cluster.local",
        bundle: "osm-ca-bundle",
      },
    },
  ],
  ["pod.yaml", { certificate: { kind: "spiffe", csiDriver: "csi.spiffe.io", socket: "spire-agent.sock" } }],
  ["list.json", {}],
  ["compact.json", { traffic: "target-port" }],
  ["services.yaml", { traffic: "target-port" }],
  ["crlf.yaml", {}],
];

/** Those of the golden files, whatever version this is. */
const IMAGES = { image: "postern:0.1.0", redirectImage: "postern-redirect:0.1.0" };

function injected(text: string, options: Partial<InjectOptions>): InjectedText & { readonly kind: "injected" } {
  const result = injectText(text, { ...DEFAULT_OPTIONS, ...IMAGES, injected: "replace", ...options });
  assert.ok(result.kind === "injected", JSON.stringify(result));
  return result;
}

for (const [name, options] of CASES) {
  const text = readFileSync(golden(name), "utf8");

  test(`${name} becomes what the file beside it says`, () => {
    const result = injected(text, options);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden(`${name}.injected`), result.text);
    assert.equal(result.text, readFileSync(golden(`${name}.injected`), "utf8"));
  });

  test(`${name} injected twice is injected once, and uninjected it is what it was, byte for byte`, () => {
    const once = injected(text, options).text;
    assert.equal(injected(once, options).text, once);
    assert.deepEqual(uninjectText(once), { ...uninjectText(once), kind: "uninjected", text, relaid: [] });
  });

  test(`${name} injected with other options is what these make of the input`, () => {
    const other = { ...options, image: "registry.example/other:2", preStopSeconds: 20 };
    assert.equal(injected(injected(text, options).text, other).text, injected(text, other).text);
  });
}

test("every line of the input that is not about probes and ports is in the output, in its order", () => {
  const text = readFileSync(golden("deployment.yaml"), "utf8");
  const lines = injected(text, {}).text.split("\n");
  let at = -1;
  for (const line of text
    .split("\n")
    .filter((each) => /#|image|replicas|labels|metrics/.test(each) && !/by name/.test(each))) {
    const next = lines.indexOf(line, at + 1);
    assert.ok(next > at, line);
    at = next;
  }
});

test("what was edited after the injection keeps the edit, and its comments, when it is uninjected", () => {
  const text = readFileSync(golden("deployment.yaml"), "utf8");
  const edited = injected(text, {})
    .text.replace("replicas: 2", "replicas: 30")
    .replace(
      "      initContainers:\n",
      "      initContainers:\n        - name: own\n          image: registry.example/own:1\n",
    );
  const result = uninjectText(edited);
  assert.ok(result.kind === "uninjected");
  assert.deepEqual(result.relaid, [2]);
  const [document] = parseAllDocuments(text);
  document?.setIn(["spec", "replicas"], 30);
  document?.setIn(["spec", "template", "spec", "initContainers"], [{ name: "own", image: "registry.example/own:1" }]);
  assert.deepEqual(parseAllDocuments(result.text)[0]?.toJS(), document?.toJS());
  for (const [comment] of text.matchAll(/# (?!by name).*/g)) assert.ok(result.text.includes(comment), comment);
});

test("numbers are printed as they were written, also when an edited object is uninjected", () => {
  const text = pod(
    "containers: [{ name: a, ports: [{ containerPort: 80 }] }]\n  volumes:\n    - name: v\n      secret: { defaultMode: 0644, x: 12345678901234567890 }",
  );
  const result = uninjectText(injected(text, {}).text.replace("namespace: test", "namespace: other"));
  assert.ok(result.kind === "uninjected");
  assert.match(result.text, /defaultMode: 0644, x: 12345678901234567890 /);
});

const refused: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
  [
    "hostNetwork",
    pod("hostNetwork: true\n  containers: [{ name: a, ports: [{ containerPort: 80 }] }]"),
    /line 1: Pod test\/p: spec\.hostNetwork: the pod shares its node's network/,
  ],
  ["broken YAML", "a: [1", /line 1: /],
  [
    "a template that is none",
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {}}",
    /Deployment d: spec\.template\.spec is missing/,
  ],
  [
    "an anchor that others refer to",
    pod("containers:\n    - &app { name: a, ports: [{ containerPort: 80 }] }\n  x: *app"),
    /cannot be changed in place; write it without anchors/,
  ],
];
for (const [what, text, problem] of refused) {
  test(`${what} is refused with the line and what to change`, () => {
    const result = injectText(text, DEFAULT_OPTIONS);
    assert.ok(result.kind === "refused");
    assert.match(result.problems.join("\n"), problem);
  });
}

function pod(spec: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: test }\nspec:\n  ${spec}\n`;
}

test("an alias that injection does not touch stays one", () => {
  const text = pod(
    "containers:\n    - name: a\n      env: &env [{ name: A, value: b }]\n      ports: [{ containerPort: 80 }]\n    - name: b\n      env: *env",
  );
  const { text: result } = injected(text, {});
  assert.match(result, /env: \*env\n/);
  assert.deepEqual(uninjectText(result), { ...uninjectText(result), text });
});
