/** What a scheduler and a kubelet write of the pods of a namespace: they run at once, and those of Jobs have ended. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiCaller, ApiObject } from "../support/api-server/api-caller.ts";
import { NODE_ADDRESS } from "./real-cluster.ts";

const NODE = "node-1";

export class ReadyPods implements AsyncDisposable {
  readonly #api: ApiCaller;
  readonly #namespace: string;
  readonly #stopped = new AbortController();
  readonly #marking: Promise<void>;

  private constructor(api: ApiCaller, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.#marking = this.#mark();
  }

  static async start(api: ApiCaller, namespace: string): Promise<ReadyPods> {
    await api.apply({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
    // The API server takes a new node for one that is not ready.
    await api.ask("PATCH", `/api/v1/nodes/${NODE}`, { spec: { taints: null } }, "application/merge-patch+json");
    return new ReadyPods(api, namespace);
  }

  async #mark(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const { items = [] } = await this.#api.ask("GET", `/api/v1/namespaces/${this.#namespace}/pods`);
      for (const pod of items.filter(({ status }) => (status as { phase?: string } | undefined)?.phase === "Pending")) {
        const path = `/api/v1/namespaces/${this.#namespace}/pods/${pod.metadata.name}`;
        const target = { apiVersion: "v1", kind: "Node", name: NODE };
        const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: pod.metadata.name }, target };
        await this.#api.call("POST", `${path}/binding`, binding);
        await this.#api.call("PATCH", `${path}/status`, statusOf(pod), "application/merge-patch+json");
      }
      await delay(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#marking;
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
