/** A bare cluster in which a person has `postern` and `kubectl`, and a stand-in for the kubelet starts what is admitted. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Shell } from "../../support/process/shell.ts";
import type { Ask, Told } from "../caller.ts";
import { Caller } from "../caller-handle.ts";
import { eventually, LabCluster } from "../cluster.ts";
import { Images } from "../kubelet/images.ts";
import { Kubelet } from "../kubelet/kubelet.ts";
import type { RunningPod } from "../kubelet/running-pod.ts";
import { Network } from "../network.ts";
import type { Programs } from "../contour/lacking.ts";

export const SETTLED_MS = 60_000;

export class InstalledCluster implements AsyncDisposable {
  readonly network: Network;
  readonly cluster: LabCluster;
  readonly kubelet: Kubelet;
  /** Outside of all pods. */
  readonly client: Caller;
  readonly #stack: AsyncDisposableStack;
  readonly #shell: Shell;

  private constructor(
    parts: Pick<InstalledCluster, "network" | "cluster" | "kubelet" | "client">,
    stack: AsyncDisposableStack,
    commands: Readonly<Record<string, string>>,
  ) {
    ({ network: this.network, cluster: this.cluster, kubelet: this.kubelet, client: this.client } = parts);
    this.#stack = stack;
    this.#shell = stack.use(new Shell({ ...this.cluster.access(), commands }));
  }

  /** @param programs of Contour and Envoy, where they are wanted @param commands more of them, see `Shell` */
  static async start(programs?: Programs, commands = {}): Promise<InstalledCluster> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await Network.create());
    const cluster = stack.use(await LabCluster.bare());
    const client = stack.use(new Caller(await network.add("client", 20)));
    const kubelet = stack.use(new Kubelet(cluster, network, new Images(programs)));
    return new InstalledCluster({ network, cluster, kubelet, client }, stack.move(), commands);
  }

  /** Where `follow` is. */
  get directory(): string {
    return this.#shell.directory;
  }

  /** A line of a shell, in a directory of its own. @returns what it said @throws with its words and those of all pods */
  async follow(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.#shell.say(line);
    if (code !== 0) assert.fail(`${line}\n${stdout}\n${stderr}\n${this.kubelet.output}`);
    return stdout + stderr;
  }

  /** @returns the only pod whose name begins so */
  pod(namespace: string, prefix: string): RunningPod {
    const [pod] = this.kubelet.pods(namespace, prefix);
    assert.ok(pod, `no pod ${prefix} runs\n${this.kubelet.output}`);
    return pod;
  }

  /** Awaits the answer that is meant to come: gateways learn of a change in their own time. */
  async answers(ask: Ask, expected: number | string, because = ""): Promise<Told | undefined> {
    let last: Awaited<ReturnType<Caller["ask"]>> | undefined;
    await eventually(
      `${ask.url} answers ${expected}`,
      async () => {
        last = await this.client.ask(ask);
        return "error" in last ? last.error === expected : last.status === expected && last.body.includes(because);
      },
      SETTLED_MS,
    ).catch((error: unknown) =>
      assert.fail(`${String(error)}; at last ${JSON.stringify(last)}\n${this.kubelet.output}`),
    );
    return last !== undefined && "status" in last ? last : undefined;
  }

  /** Applies a file of the directory, changed. */
  async applyChanged(file: string, change: (text: string) => string): Promise<void> {
    const text = readFileSync(join(this.directory, file), "utf8");
    const changed = change(text);
    assert.notEqual(changed, text);
    await this.cluster.kubectl(["apply", "-f", "-"], changed);
  }

  /** The texts of a Secret. */
  async secret(namespace: string, name: string): Promise<Readonly<Record<string, string>>> {
    const { data = {} } = JSON.parse(
      await this.cluster.kubectl(["-n", namespace, "get", "secret", name, "-o", "json"]),
    ) as { readonly data?: Readonly<Record<string, string>> };
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
