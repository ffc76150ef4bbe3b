/** The real control plane on the node: Pods that are placed by hand, and everything that its controllers make of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import type { ApiObject, ManifestLike } from "../support/api-server/api-caller.ts";
import { cachedBinaries, type ControlPlaneBinaries } from "../cluster/control-plane/build.ts";
import { ControlPlane, type ControlPlaneOptions } from "../cluster/control-plane/control-plane.ts";
import { NODE, type Namespace } from "./network.ts";

const CONFIG = join(import.meta.dirname, "../../config");
const PATIENCE_MS = 20_000;

/** Where the application lives, and what its sidecar's account is called. */
export const SHOP = { namespace: "shop", name: "cart" } as const;

export interface PlacedPod {
  readonly namespace: string;
  readonly name: string;
  /** Value of its label `app`, which Services select. */
  readonly app: string;
  readonly port: number;
}

/** Awaits something that others bring about. @throws naming it when it does not come */
export async function eventually(
  what: string,
  isTrue: () => Promise<boolean>,
  withinMs = PATIENCE_MS,
): Promise<number> {
  const started = performance.now();
  for (;;) {
    if (await isTrue()) return performance.now() - started;
    if (performance.now() - started > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(25);
  }
}

/** Objects of a file that is shipped, as they are unless `change` says otherwise. */
export function shipped(file: string, change = (text: string): string => text): readonly ManifestLike[] {
  const text = change(readFileSync(join(CONFIG, file), "utf8"));
  return parseAllDocuments(text).map((document) => document.toJS() as ManifestLike);
}

export class LabCluster implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly #binaries: ControlPlaneBinaries;

  private constructor(plane: ControlPlane, binaries: ControlPlaneBinaries) {
    this.plane = plane;
    this.#binaries = binaries;
  }

  /** A node, and nothing else: pods get their accounts' tokens, and webhooks are found by their endpoints. */
  static async bare(): Promise<LabCluster> {
    const cluster = await LabCluster.#plane({ accounts: true, apiServerFlags: ["--enable-aggregator-routing=true"] });
    await cluster.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } });
    // The API server takes a new node for one that is not ready.
    const untainted = { spec: { taints: null } };
    await cluster.plane.api.ask("PATCH", "/api/v1/nodes/node-1", untainted, "application/merge-patch+json");
    return cluster;
  }

  static async #plane(options: Partial<ControlPlaneOptions>): Promise<LabCluster> {
    const binaries = await cachedBinaries(process.env);
    if (binaries === undefined) throw new Error("the control plane is not built: npm run test:lab builds it");
    const plane = await ControlPlane.start(binaries, {
      advertise: NODE.ipv4,
      bind: "0.0.0.0",
      controllers: true,
      serviceRanges: "10.96.0.0/16,fd00:96::/112",
      ...options,
    });
    return new LabCluster(plane, binaries);
  }

  /** With the namespaces, the definition, the sidecar's account and its roles. */
  static async start(): Promise<LabCluster> {
    const cluster = await LabCluster.#plane({});
    try {
      for (const name of [SHOP.namespace, "gateways", "projectcontour", "osm-system"])
        await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
      await cluster.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } });
      const ours = (text: string): string =>
        text
          .replaceAll("name: guarded", `name: ${SHOP.name}`)
          .replaceAll("namespace: default", `namespace: ${SHOP.namespace}`);
      await cluster.apply(
        ...shipped("crd/policy.openservicemesh.io_ingressbackends.yaml"),
        ...shipped("kubernetes/roles.yaml"),
        ...shipped("kubernetes/bindings.yaml", ours),
      );
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** As `kubectl apply --server-side` does it, because it is that. */
  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await this.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], JSON.stringify(list));
  }

  async delete(kind: string, namespace: string, name: string): Promise<void> {
    await this.kubectl(["delete", kind, name, "-n", namespace, "--ignore-not-found", "--now"]);
  }

  /** @throws with kubectl's words */
  async kubectl(args: readonly string[], input = ""): Promise<string> {
    const child = spawn(this.#binaries.kubectl, [...this.plane.kubectlFlags, ...args]);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${complaint}`);
    return output;
  }

  /** What a person needs to ask the cluster things. */
  access(): { readonly kubectl: string; readonly kubeconfig: string } {
    return { kubectl: this.#binaries.kubectl, kubeconfig: join(this.plane.directory, "kubeconfig") };
  }

  /** A Service of both families that selects `app`, and that listens on `port`. */
  async addService(namespace: string, name: string, port: number, targetPort = port): Promise<void> {
    await this.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: {
        selector: { app: name },
        ipFamilyPolicy: "RequireDualStack",
        ports: [{ name: "http", port, targetPort }],
      },
    });
  }

  /** A Pod that runs on our node at the namespace's addresses: the status is what a kubelet would write. */
  async place({ namespace, name, app, port }: PlacedPod, at: Namespace): Promise<void> {
    await this.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app } },
      spec: { nodeName: "node-1", containers: [{ name: "main", image: "none", ports: [{ containerPort: port }] }] },
    });
    const status = {
      phase: "Running",
      podIP: at.ipv4,
      podIPs: [{ ip: at.ipv4 }, { ip: at.ipv6 }],
      conditions: [{ type: "Ready", status: "True" }],
    };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
    await this.plane.api.ask("PATCH", path, { status }, "application/merge-patch+json");
  }

  /** Gone as after a node's `kubectl delete pod`: its endpoint follows by the EndpointSlice controller. */
  async removePod(namespace: string, name: string): Promise<void> {
    await this.kubectl(["delete", "pod", name, "-n", namespace, "--force", "--grace-period=0"]);
  }

  async policyStatus(name = SHOP.name): Promise<ApiObject["status"]> {
    const path = `/apis/policy.openservicemesh.io/v1alpha1/namespaces/${SHOP.namespace}/ingressbackends/${name}`;
    return (await this.plane.api.ask("GET", path)).status;
  }

  /** A kubeconfig, for whoever is not on the node. @param token absent: the administrator's */
  kubeconfig(file: string, token = "administrator"): string {
    writeFileSync(file, JSON.stringify(this.plane.kubeconfig(token, this.plane.port, NODE.ipv4)));
    return file;
  }

  /** A token of the sidecar's own account. */
  async accountToken(): Promise<string> {
    const path = `/api/v1/namespaces/${SHOP.namespace}/serviceaccounts/${SHOP.name}/token`;
    const request = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3_600 },
    };
    return (await this.plane.api.ask("POST", path, request)).status?.token ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane[Symbol.asyncDispose]();
  }
}
