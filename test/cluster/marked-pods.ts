/** Stands in for scheduler and kubelet where nothing has to run: pods are bound, and said to be ready at the node's address. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiCaller, ApiObject } from "../support/api-server/api-caller.ts";
import { NODE_ADDRESS } from "./real-cluster.ts";

const NODE = "node-1";
const LOOK_MS = 100;

interface PodMetadata {
  readonly namespace: string;
  readonly deletionTimestamp?: string;
}

export class MarkedPods implements AsyncDisposable {
  readonly #api: ApiCaller;
  readonly #stopped = new AbortController();
  readonly #loop: Promise<void>;

  private constructor(api: ApiCaller) {
    this.#api = api;
    this.#loop = this.#run();
  }

  /** Makes the node, and marks the pods of every namespace from then on. */
  static async start(api: ApiCaller): Promise<MarkedPods> {
    await api.apply({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
    // The API server takes a new node for one that is not ready.
    await api.ask("PATCH", `/api/v1/nodes/${NODE}`, { spec: { taints: null } }, "application/merge-patch+json");
    return new MarkedPods(api);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const { items = [] } = await this.#api.ask("GET", "/api/v1/pods");
      for (const pod of items) await this.#mark(pod);
      await delay(LOOK_MS);
    }
  }

  async #mark({ metadata, spec, status }: ApiObject): Promise<void> {
    const { name, namespace, deletionTimestamp } = metadata as ApiObject["metadata"] & PodMetadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    if (deletionTimestamp !== undefined) {
      await this.#api.call("DELETE", `${path}?gracePeriodSeconds=0`);
      return;
    }
    if ((status as { readonly phase?: string } | undefined)?.phase !== "Pending") return;
    const target = { apiVersion: "v1", kind: "Node", name: NODE };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name }, target };
    await this.#api.call("POST", `${path}/binding`, binding);
    const { restartPolicy } = spec as { readonly restartPolicy?: string };
    await this.#api.call("PATCH", `${path}/status`, statusOf(restartPolicy), "application/merge-patch+json");
  }
}

/** Those of Jobs have ended. */
function statusOf(restartPolicy: string | undefined): object {
  if (restartPolicy === "Never") return { status: { phase: "Succeeded" } };
  return {
    status: {
      phase: "Running",
      podIP: NODE_ADDRESS,
      podIPs: [{ ip: NODE_ADDRESS }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}
