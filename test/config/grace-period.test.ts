/** What the example manifests promise the kubelet: a pod whose sidecar drains to its deadline is not killed. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { parseFlags } from "../../src/cli/flags.ts";
import { LAST_LINES_MS } from "../../src/cli/run.ts";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { readSettings } from "../../src/config/read.ts";
import { LIMIT_SETTINGS, SETTINGS } from "../../src/config/settings.ts";
import { DRAIN_SLACK_MS } from "../../src/proxy/control/thread-slot.ts";
import { LONGEST_CLOSE_MS } from "../../src/sidecar.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What a pod that names none has (Kubernetes API reference, PodSpec). */
const DEFAULT_GRACE_SECONDS = 30;

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly lifecycle?: unknown;
}

interface PodSpec {
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly Container[];
}

/** Pods of a manifest that run a sidecar. */
function podsIn(text: string): readonly { readonly pod: PodSpec; readonly sidecar: Container }[] {
  return parseAllDocuments(text).flatMap((document) => {
    const object = document.toJS() as { readonly spec?: PodSpec & { readonly template?: { readonly spec: PodSpec } } };
    const pod = object?.spec?.template?.spec ?? object?.spec;
    const sidecar = pod?.containers?.find(({ args }) => args?.[0] === "run");
    return pod === undefined || sidecar === undefined ? [] : [{ pod, sidecar }];
  });
}

async function configOf({ args = [], env = [] }: Container): Promise<Config> {
  const spec = { name: "run", summary: "", usage: [], flags: [...SETTINGS, ...LIMIT_SETTINGS] };
  const { values, problems } = parseFlags(spec, args.slice(1));
  assert.deepEqual(problems, []);
  // What the downward API fills in.
  const filled = env.map(({ name, value }) => [name, value ?? (/_IPS?$/.test(name) ? "10.0.0.1" : "filled-in")]);
  const settings = await readSettings({ flags: values, env: Object.fromEntries(filled) as Record<string, string> });
  return parseConfig(settings, { parallelism: 1, inCluster: true });
}

const examples = globSync("config/**/*.yaml", { cwd: ROOT }).flatMap((file) =>
  podsIn(readFileSync(join(ROOT, file), "utf8")).map((found) => ({ file, ...found })),
);

test("there is an example of a pod with a sidecar", () => assert.ok(examples.length > 0));

for (const { file, pod, sidecar } of examples) {
  test(`${file}: drain delay, deadline and the end of the process fit into the pod's grace period`, async () => {
    const { drainDelayMs, drainDeadlineMs } = await configOf(sidecar);
    const longestMs = drainDelayMs + drainDeadlineMs + DRAIN_SLACK_MS + LONGEST_CLOSE_MS + LAST_LINES_MS;
    const graceMs = (pod.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1_000;
    assert.ok(longestMs < graceMs, `${longestMs} ms in a grace period of ${graceMs} ms`);
    assert.equal(sidecar.lifecycle, undefined, "a preStop hook would count into the grace period");
  });
}
