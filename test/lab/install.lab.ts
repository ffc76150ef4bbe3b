/** docs/getting-started.md word for word: its commands and its objects, with the real API server, Contour and Envoy. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { Ask, Told } from "./caller.ts";
import { Caller } from "./caller-handle.ts";
import { eventually, LabCluster } from "./cluster.ts";
import { contourPrograms } from "./contour/lacking.ts";
import { cachedManifest } from "./contour/obtain-contour.ts";
import { Page } from "./install/page.ts";
import { Images } from "./kubelet/images.ts";
import { Kubelet } from "./kubelet/kubelet.ts";
import type { RunningPod } from "./kubelet/running-pod.ts";
import { Network } from "./network.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const SITE = "foo-basic.bar.com";
const GATEWAY = "osm-contour-envoy.osm-system.cluster.local";
const SETTLED_MS = 60_000;

const programs = await contourPrograms();
const manifest = await cachedManifest(process.env);
const page = new Page(join(ROOT, "docs/getting-started.md"));
const skip =
  typeof programs === "string" ? programs : manifest === undefined ? "Contour's manifest is not to be had here" : false;

let stack: AsyncDisposableStack;
let cluster: LabCluster;
let kubelet: Kubelet;
let client: Caller;
let directory: string;
let started: number;

/** A line of the page, in a directory with the page's files. Contour's manifest is read from a file: there is no network here. */
async function follow(line: string): Promise<string> {
  const here = line.replace(/--with-contour(?= |$)/, `--with-contour=${manifest}`);
  const { stdout, stderr } = await run("sh", ["-ec", here], {
    cwd: directory,
    env: { PATH: `${directory}/bin:${process.env["PATH"] ?? ""}`, KUBECONFIG: cluster.access().kubeconfig },
    timeout: 200_000,
  }).catch((error: unknown) => {
    const { stdout: out, stderr: words } = error as { readonly stdout: string; readonly stderr: string };
    assert.fail(`${line}\n${out}\n${words}\n${kubelet.output}`);
  });
  return stdout + stderr;
}

async function followSection(title: string): Promise<void> {
  for (const line of page.commandsOf(title)) await follow(line);
}

/** The commands that the page is about, as programs of that name. */
function writeCommands(): void {
  const commands = {
    postern: `exec ${process.execPath} ${join(ROOT, "src/main.ts")} "$@"`,
    kubectl: `exec ${cluster.access().kubectl} "$@"`,
  };
  for (const [name, text] of Object.entries(commands)) {
    const file = join(directory, "bin", name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
  }
}

function only(namespace: string, prefix: string): RunningPod {
  const [pod] = kubelet.pods(namespace, prefix);
  assert.ok(pod, `no pod ${prefix} runs`);
  return pod;
}

const through = (edge: RunningPod): Ask => ({ url: `http://${edge.namespace.ipv4}:8080/`, headers: { host: SITE } });

async function answers(ask: Ask, expected: number, because = ""): Promise<Told> {
  let last: Awaited<ReturnType<Caller["ask"]>> | undefined;
  await eventually(
    `${ask.url} answers ${expected}`,
    async () => {
      last = await client.ask(ask);
      return !("error" in last) && last.status === expected && last.body.includes(because);
    },
    SETTLED_MS,
  ).catch((error: unknown) => assert.fail(`${String(error)}; at last ${JSON.stringify(last)}\n${kubelet.output}`));
  return last as Told;
}

function forwarded(told: Told): string | undefined {
  return (JSON.parse(told.body) as { readonly headers: Record<string, string> }).headers["x-forwarded-client-cert"];
}

/** Of the sidecar that refused. */
async function refusal(reason: string): Promise<void> {
  const sidecar = only("test", "foo-");
  await eventually(`the sidecar's log says ${reason}`, async () =>
    sidecar.logOf("postern").includes(`"reason":"${reason}"`),
  );
}

async function applyChanged(file: string, change: (text: string) => string): Promise<void> {
  const text = readFileSync(join(directory, file), "utf8");
  const changed = change(text);
  assert.notEqual(changed, text);
  await cluster.kubectl(["apply", "-f", "-"], changed);
}

describe("the page for those who begin", { skip }, () => {
  before(async () => {
    if (typeof programs === "string") return;
    stack = new AsyncDisposableStack();
    directory = mkdtempSync(join(tmpdir(), "postern-page-"));
    stack.defer(() => rmSync(directory, { recursive: true, force: true }));
    const network = stack.use(await Network.create());
    cluster = stack.use(await LabCluster.bare());
    client = stack.use(new Caller(await network.add("client", 20)));
    kubelet = stack.use(new Kubelet(cluster, network, new Images(programs)));
    await run("mkdir", [join(directory, "bin")]);
    writeCommands();
    page.writeFiles(directory);
    await follow("kubectl apply -f application.yaml");
    await follow("kubectl -n test rollout status deployment foo --timeout=60s");
  });
  after(() => stack?.disposeAsync());

  test("without the mesh everybody reaches the application", async () => {
    await answers({ url: `http://${only("test", "foo-").namespace.ipv4}/` }, 200);
  });

  test("three commands, and the mesh is ready, and the pod has its sidecar", async () => {
    assert.equal(page.commandsOf("The mesh and its gateway").length, 3);
    started = performance.now();
    await followSection("The mesh and its gateway");
    await follow("kubectl -n test rollout status deployment foo --timeout=90s");
    await eventually("the former pod is gone", async () => kubelet.pods("test", "foo-").length === 1, SETTLED_MS);
    const { initContainers = [] } = only("test", "foo-").pod.spec;
    assert.deepEqual(
      initContainers.map(({ name }) => name),
      ["postern-redirect", "postern"],
    );
    assert.equal(await client.outcome({ url: `http://${only("test", "foo-").namespace.ipv4}/` }), "ECONNRESET");
    await refusal("no-policy");
  });

  test("http: one command, and requests pass by the gateway alone", async () => {
    assert.equal(page.commandsOf("http:").length, 1);
    await followSection("http:");
    const told = await answers(through(only("osm-system", "envoy-")), 200);
    assert.equal(forwarded(told), undefined);
    assert.equal(await client.outcome({ url: `http://${only("test", "foo-").namespace.ipv4}/` }), "ECONNRESET");
    await refusal("source-not-listed");
  });

  test("an edge of the same Contour that is no endpoint of osm-contour-envoy is refused", async () => {
    await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(await strangeEdge()));
    await follow("kubectl -n osm-system rollout status deployment stranger --timeout=60s");
    await answers(through(only("osm-system", "stranger-")), 503, "upstream connect error");
  });

  test("https: the objects of OSM's documentation as they are, and the gateway's certificate is verified", async () => {
    assert.equal(page.commandsOf("https:").length, 2);
    await followSection("https:");
    await eventually(
      "the gateway's name is forwarded",
      async () => {
        const told = await client.ask(through(only("osm-system", "envoy-")));
        return "status" in told && told.status === 200 && (forwarded(told) ?? "").includes(`DNS=${GATEWAY}`);
      },
      SETTLED_MS,
    ).catch((error: unknown) => assert.fail(`${String(error)}\n${kubelet.output}`));
    console.log(`from install to the first request over mTLS: ${Math.round((performance.now() - started) / 1_000)} s`);
    await answers(through(only("osm-system", "stranger-")), 503, "upstream connect error");
  });

  test("a principal that the gateway's certificate does not carry: 403 RBAC: access denied", async () => {
    await applyChanged("ingress-mtls.yaml", (text) =>
      text.replace(`name: ${GATEWAY}`, "name: other.osm-system.cluster.local"),
    );
    const told = await answers(through(only("osm-system", "envoy-")), 403);
    assert.equal(told.body, "RBAC: access denied");
    await refusal("principal-not-listed");
  });

  test("skipClientCertValidation: the Service alone decides", async () => {
    await applyChanged("ingress-mtls.yaml", (text) =>
      text
        .replace("skipClientCertValidation: false", "skipClientCertValidation: true")
        .replace(/ {4}- kind: AuthenticatedPrincipal\n.*\n/, ""),
    );
    await answers(through(only("osm-system", "envoy-")), 200);
    await answers(through(only("osm-system", "stranger-")), 503, "upstream connect error");
  });

  test("postern check has nothing to say against it", async () => {
    assert.doesNotMatch(await follow("postern check"), /^missing/m);
  });
});

/** Contour's Envoy as its DaemonSet has it, under a label that no Service selects. */
async function strangeEdge(): Promise<object> {
  const daemonSet = JSON.parse(
    await cluster.kubectl(["-n", "osm-system", "get", "daemonset", "envoy", "-o", "json"]),
  ) as {
    readonly spec: { readonly template: { readonly spec: object } };
  };
  const labels = { app: "stranger" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "stranger", namespace: "osm-system" },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: daemonSet.spec.template.spec } },
  };
}
