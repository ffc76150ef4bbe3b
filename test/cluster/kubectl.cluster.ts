/** The stand-in is an API server as far as kubectl can tell: what people would watch a cluster with works on it. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { Readable } from "node:stream";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { EDGE, OTHER, edgeSlice, letIn, letInOn } from "../discovery/kubernetes/suite/objects.ts";
import { cachedBinaries } from "./control-plane/build.ts";

const PATIENCE_MS = 20_000;

/** A kubectl under way, line by line; ended by its own id. */
class Kubectl implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #output: AsyncIterator<string>;
  #complaints = "";

  private constructor(child: ChildProcess & { readonly stdout: Readable; readonly stderr: Readable }) {
    this.#child = child;
    this.#output = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#complaints += text));
  }

  /** With a cache of its own: kubectl remembers for hours what a server serves. */
  static async start(cluster: StandInCluster, directory: string, ...args: readonly string[]): Promise<Kubectl> {
    const binaries = await cachedBinaries(process.env);
    if (binaries === undefined) throw new Error("kubectl is not built: npm run test:cluster builds it");
    const kubeconfig = writeKubeconfig(join(directory, "kubeconfig"), cluster.credentials());
    const own = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(directory, "cache")}`];
    return new Kubectl(spawn(binaries.kubectl, [...own, ...args], { stdio: ["ignore", "pipe", "pipe"] }));
  }

  /** The next line, in columns. @throws with kubectl's words when none comes */
  async line(): Promise<readonly string[]> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE_MS);
    const next = await this.#output.next();
    clearTimeout(timer);
    if (next.done === true) throw new Error(`kubectl ended: ${this.#complaints}`);
    return next.value.split(/\s+/);
  }

  /** What is left, when it has ended by itself. */
  async rest(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (let next = await this.#output.next(); next.done !== true; next = await this.#output.next())
      lines.push(next.value);
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
  }
}

test("kubectl get ingressbackends --watch shows what is there, and each change as it comes", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  await cluster.api.apply(letIn("gateways/edge"));
  await using kubectl = await Kubectl.start(cluster, directory.path, "get", "ingressbackends", "-n", "test", "--watch");
  assert.deepEqual((await kubectl.line())[0], "NAME");
  assert.equal((await kubectl.line())[0], "ib");
  await cluster.api.apply(letInOn("second", 81, "gateways/edge"));
  assert.equal((await kubectl.line())[0], "second");
  await cluster.api.replace(letIn("gateways/other"));
  assert.equal((await kubectl.line())[0], "ib");
});

test("kubectl get endpointslices --watch is told of other addresses", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  await cluster.api.apply(edgeSlice(EDGE));
  const columns = "custom-columns=NAME:.metadata.name,ADDRESSES:.endpoints[*].addresses[*]";
  const args = ["get", "endpointslices", "-n", "gateways", "--watch", "-o", columns];
  await using kubectl = await Kubectl.start(cluster, directory.path, ...args);
  assert.deepEqual(await kubectl.line(), ["NAME", "ADDRESSES"]);
  assert.deepEqual(await kubectl.line(), ["edge-1", EDGE]);
  await cluster.api.replace(edgeSlice(EDGE, OTHER));
  assert.deepEqual(await kubectl.line(), ["edge-1", `${EDGE},${OTHER}`]);
});

test("kubectl get endpointslices lists every namespace, by label too", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  await cluster.api.apply(edgeSlice(EDGE));
  const args = ["get", "--request-timeout=10s", "endpointslices", "-A", "-l", "kubernetes.io/service-name=edge"];
  await using kubectl = await Kubectl.start(cluster, directory.path, ...args);
  const [head, slice, ...others] = await kubectl.rest();
  assert.match(head ?? "", /^NAMESPACE +NAME/);
  assert.match(slice ?? "", /^gateways +edge-1/);
  assert.deepEqual(others, []);
});
