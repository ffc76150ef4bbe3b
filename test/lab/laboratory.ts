/** Everything that the walkthroughs share: the cluster, the guarded application and its callers, each in its namespace. */
import { join } from "node:path";
import { Caller } from "./caller-handle.ts";
import { eventually, LabCluster, SHOP, shipped } from "./cluster.ts";
import { Mesh, NAMES } from "./mesh.ts";
import { Network, NODE, type Namespace } from "./network.ts";
import { addressOf, Pod } from "./pod.ts";

export interface Refusal {
  /** Where the gateway is that was refused, and what it showed: it may have come over either family. */
  readonly from: Namespace;
  readonly question?: string;
  readonly reason: string;
  readonly verdict: "close" | "forbidden" | "tls-alert";
  /** What the object's status says: the object may well be right when a caller is wrong. Absent: there is no object. */
  readonly status?: "committed" | "error";
}

export class Laboratory implements AsyncDisposable {
  readonly network: Network;
  readonly cluster: LabCluster;
  readonly mesh: Mesh;
  readonly pod: Pod;
  readonly client: Caller;
  readonly edge: Namespace;
  /** A second edge, that no policy lists. */
  readonly stranger: Namespace;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<Laboratory, "network" | "cluster" | "mesh" | "pod" | "client" | "edge" | "stranger">,
    stack: AsyncDisposableStack,
  ) {
    ({
      network: this.network,
      cluster: this.cluster,
      mesh: this.mesh,
      pod: this.pod,
      client: this.client,
      edge: this.edge,
      stranger: this.stranger,
    } = parts);
    this.#stack = stack;
  }

  static async start(): Promise<Laboratory> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await Network.create());
    const cluster = stack.use(await LabCluster.start());
    const mesh = stack.use(await Mesh.create());
    const edge = await network.add("edge", 11);
    const stranger = await network.add("stranger", 12);
    const client = stack.use(new Caller(await network.add("client", 20)));
    const pod = stack.use(new Pod(await network.add("pod", 30)));
    const laboratory = new Laboratory({ network, cluster, mesh, pod, client, edge, stranger }, stack.move());
    try {
      await laboratory.#startShop();
    } catch (error) {
      await laboratory[Symbol.asyncDispose]();
      throw error;
    }
    return laboratory;
  }

  /** Ends with the laboratory, before what was there earlier. */
  use<Part extends AsyncDisposable>(part: Part): Part {
    return this.#stack.use(part);
  }

  /** Applies a shipped example and waits until the sidecar judges by it. */
  async applyPolicy(file: string, change?: (text: string) => string): Promise<void> {
    const objects = shipped(file, change);
    const from = this.pod.log.lines.length;
    await this.cluster.delete("ingressbackend", SHOP.namespace, SHOP.name);
    await this.cluster.apply(...objects);
    // Written once what it says has settled: the first snapshot may lack the addresses of a source that is new.
    await this.pod.log.next({ event: "status-written", policy: `${SHOP.namespace}/${SHOP.name}` }, { from });
  }

  /**
   * Asserts that the log line, the metric, `explain` and the object's status agree on a refusal.
   * @param since lines of the log before the refusal
   * @returns the log line
   */
  async agree({ from, question = "", reason, verdict, status }: Refusal, since: number): Promise<string> {
    const own = new Set([from.ipv4, from.ipv6]);
    const line = await this.pod.log.next((entry) => own.has(addressOf(entry)) && entry["reason"] === reason, {
      from: since,
    });
    const explained = JSON.parse(await this.pod.admin(`/explain?port=80&from=${addressOf(line)}${question}`)) as {
      readonly verdict: string;
      readonly reason: string;
    };
    if (explained.reason !== reason || explained.verdict !== verdict)
      throw new Error(`explain says ${JSON.stringify(explained)}, the log says ${reason}`);
    const metric = verdict === "forbidden" ? "postern_requests_total" : "postern_connections_total";
    const counted = new RegExp(`^${metric}\\{.*reason="${reason}"\\} [1-9]`, "m");
    await eventually(`${metric} counts ${reason}`, async () => counted.test(await this.pod.admin("/metrics")));
    if (status !== undefined)
      await eventually(
        `the object's status is ${status}`,
        async () => (await this.cluster.policyStatus())?.currentStatus === status,
      );
    return JSON.stringify(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** The application on port 80, its rules, and the sidecar with the account's own rights. */
  async #startShop(): Promise<void> {
    const { cluster, mesh, pod } = this;
    await cluster.addService(SHOP.namespace, SHOP.name, 80);
    await cluster.place({ ...SHOP, app: SHOP.name, port: 80 }, pod.namespace);
    await mesh.deliver(NAMES.application, pod.directory);
    await pod.serve("127.0.0.1:80");
    await pod.redirect("--apply", "--backend=port=80");
    await pod.startSidecar(
      "--kubernetes",
      `--kubeconfig=${cluster.kubeconfig(join(pod.directory, "kubeconfig"), await cluster.accountToken())}`,
      `--namespace=${SHOP.namespace}`,
      `--pod-ip=${pod.namespace.ipv4}`,
      "--backend=port=80",
      `--node-ip=${NODE.ipv4}`,
      `--tls-cert=${join(pod.directory, "tls.crt")}`,
      `--tls-key=${join(pod.directory, "tls.key")}`,
      `--tls-ca=${join(pod.directory, "ca.crt")}`,
    );
  }
}
