/**
 * A stand-in for scheduler, kubelet and cluster DNS: it starts what the admitted Pod objects say and nothing else, each pod in
 * a network namespace of its own. What it does not know it refuses by name.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiObject } from "../../support/api-server/api-caller.ts";
import type { LabCluster } from "../cluster.ts";
import type { Network } from "../network.ts";
import type { Images } from "./images.ts";
import type { PodObject } from "./pod-object.ts";
import { RunningPod, type PodEnd } from "./running-pod.ts";

const GONE: ReadonlySet<number> = new Set([404, 409]);
const LOOK_MS = 200;
const NODE_NAME = "node-1";
/** Last parts of addresses, from here on. */
const FIRST_HOST = 100;

export class Kubelet implements AsyncDisposable {
  readonly #cluster: LabCluster;
  readonly #network: Network;
  readonly #images: Images;
  readonly #pods = new Map<string, RunningPod>();
  readonly #ends = new Map<string, Promise<void>>();
  readonly #ended: PodEnd[] = [];
  readonly #stopped = new AbortController();
  readonly #loop: Promise<void>;
  #host = FIRST_HOST;

  constructor(cluster: LabCluster, network: Network, images: Images) {
    this.#cluster = cluster;
    this.#network = network;
    this.#images = images;
    this.#loop = this.#run();
  }

  /** Pods that run, by the start of their names. */
  pods(namespace: string, prefix: string): readonly RunningPod[] {
    return [...this.#pods.values()].filter(
      ({ pod: { metadata } }) =>
        metadata.namespace === namespace && metadata.name.startsWith(prefix) && !this.#ends.has(metadata.uid),
    );
  }

  /** Pods that were deleted and have ended, in that order. */
  get ended(): readonly PodEnd[] {
    return this.#ended;
  }

  /** The last words of all containers, for messages of failed tests. */
  get output(): string {
    return [...this.#pods.values()].map(({ log }) => log).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    await Promise.all([...this.#pods.values()].map((pod) => pod.kill()));
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const { items = [] } = await this.#cluster.plane.api.ask("GET", "/api/v1/pods");
      for (const item of items) await this.#look(item as unknown as PodObject);
      await delay(LOOK_MS);
    }
  }

  async #look(pod: PodObject): Promise<void> {
    const { namespace, name, uid, deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
    const { api } = this.#cluster.plane;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const running = this.#pods.get(uid);
    if (deletionTimestamp !== undefined) {
      if (this.#ends.has(uid)) return;
      const ended = (running?.end(deletionGracePeriodSeconds) ?? Promise.resolve(undefined)).then(async (end) => {
        if (end !== undefined) this.#ended.push(end);
        await api.call("DELETE", `${path}?gracePeriodSeconds=0`);
        this.#pods.delete(uid);
      });
      this.#ends.set(uid, ended);
      return;
    }
    if (running !== undefined || ["Succeeded", "Failed"].includes(pod.status?.phase ?? "")) return;
    if (pod.spec.nodeName === undefined) {
      const target = { apiVersion: "v1", kind: "Node", name: NODE_NAME };
      const binding = { apiVersion: "v1", kind: "Binding", metadata: { name }, target };
      const { status, body } = await api.call("POST", `${path}/binding`, binding);
      // Deleted since it was listed: its end is seen at the next look.
      if (GONE.has(status)) return;
      if (status >= 300) throw new Error(`${path} is not bound: ${status} ${body.message ?? ""}`);
    }
    this.#host += 1;
    const parts = {
      api,
      images: this.#images,
      namespace: await this.#network.add(`p${this.#host}`, this.#host),
      apiPort: this.#cluster.plane.port,
      hosts: (of: string) => this.#hosts(of),
    };
    this.#pods.set(uid, new RunningPod({ ...pod, spec: { ...pod.spec, nodeName: NODE_NAME } }, parts));
  }

  async #hosts(namespace: string): Promise<string> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const { items = [] } = await this.#cluster.plane.api.ask("GET", path);
    const lines = items.flatMap((item) => lineOf(item as unknown as Slice));
    return ["127.0.0.1 localhost", ...lines, ""].join("\n");
  }
}

interface Slice {
  readonly metadata: ApiObject["metadata"] & { readonly labels?: Readonly<Record<string, string>> };
  readonly addressType: string;
  readonly endpoints?:
    | readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } }[]
    | null;
}

/** One ready endpoint stands for the Service's address, which nothing routes here. */
function lineOf({ metadata, addressType, endpoints }: Slice): readonly string[] {
  const name = metadata.labels?.["kubernetes.io/service-name"];
  const address = endpoints?.find(({ conditions }) => conditions?.ready === true)?.addresses[0];
  return name === undefined || address === undefined || addressType !== "IPv4" ? [] : [`${address} ${name}`];
}
