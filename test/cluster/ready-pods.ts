/** What a scheduler and a kubelet write of pods: they run at once, those of Jobs have ended, and who is deleted goes. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiCaller, ApiObject } from "../support/api-server/api-caller.ts";
import { NODE_ADDRESS } from "./real-cluster.ts";

const NODE = "node-1";

interface PodMetadata {
  readonly namespace: string;
  readonly deletionTimestamp?: string;
}

export class ReadyPods implements AsyncDisposable {
  readonly #api: ApiCaller;
  readonly #path: string;
  readonly #stopped = new AbortController();
  readonly #marking: Promise<void>;

  private constructor(api: ApiCaller, path: string) {
    this.#api = api;
    this.#path = path;
    this.#marking = this.#run();
  }

  /** @param namespace absent: those of every namespace */
  static async start(api: ApiCaller, namespace?: string): Promise<ReadyPods> {
    await api.apply({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
    // The API server takes a new node for one that is not ready.
    await api.ask("PATCH", `/api/v1/nodes/${NODE}`, { spec: { taints: null } }, "application/merge-patch+json");
    return new ReadyPods(api, namespace === undefined ? "/api/v1/pods" : `/api/v1/namespaces/${namespace}/pods`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#marking;
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const { items = [] } = await this.#api.ask("GET", this.#path);
      for (const pod of items) await this.#mark(pod);
      await delay(100);
    }
  }

  async #mark(pod: ApiObject): Promise<void> {
    const { name } = pod.metadata;
    const { namespace, deletionTimestamp } = pod.metadata as ApiObject["metadata"] & PodMetadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    if (deletionTimestamp !== undefined) {
      await this.#api.call("DELETE", `${path}?gracePeriodSeconds=0`);
      return;
    }
    if ((pod.status as { readonly phase?: string } | undefined)?.phase !== "Pending") return;
    const target = { apiVersion: "v1", kind: "Node", name: NODE };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name }, target };
    await this.#api.call("POST", `${path}/binding`, binding);
    await this.#api.call("PATCH", `${path}/status`, statusOf(pod), "application/merge-patch+json");
  }
}

function statusOf(pod: ApiObject): object {
  if ((pod["spec"] as { readonly restartPolicy: string }).restartPolicy === "Never")
    return { status: { phase: "Succeeded" } };
  return {
    status: {
      phase: "Running",
      podIP: NODE_ADDRESS,
      podIPs: [{ ip: NODE_ADDRESS }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}
