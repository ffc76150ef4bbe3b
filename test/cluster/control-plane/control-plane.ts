/**
 * A real control plane on loopback: etcd, kube-apiserver with RBAC and, when asked for, the controller manager with its
 * EndpointSlice, namespace and token controllers. Every file is in a directory that goes with it.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { ApiCaller } from "../../support/api-server/api-caller.ts";
import { TestAuthority } from "../../support/mesh/authority.ts";
import { freePorts } from "../../support/process/ports.ts";
import type { ControlPlaneBinaries } from "./build.ts";
import { ControlPlaneProcess } from "./process.ts";

const ADMIN_TOKEN = "administrator";
const READY_MS = 60_000;

/** Those would take a bare Node's pods away: nobody runs a kubelet here. */
const CONTROLLERS =
  "*,-node-ipam-controller,-taint-eviction-controller,-node-lifecycle-controller,-pod-garbage-collector-controller";

interface Ports {
  readonly etcd: number;
  readonly peers: number;
  readonly api: number;
  readonly controllers: number;
}

export interface ControlPlaneOptions {
  /** An address of this machine that is not loopback: the server wants one to advertise. */
  readonly advertise: string;
  readonly controllers?: boolean;
  /** Where the API server listens; 127.0.0.1 unless told. */
  readonly bind?: string;
  /** Ranges of cluster addresses, one a family; IPv4 alone unless told. */
  readonly serviceRanges?: string;
  /** Pods need their service accounts, and get the accounts' tokens, as in every cluster; needs `controllers`. */
  readonly accounts?: boolean;
  /** More flags of the API server. */
  readonly apiServerFlags?: readonly string[];
}

export class ControlPlane implements AsyncDisposable {
  readonly api: ApiCaller;
  readonly authority: TestAuthority;
  readonly directory: string;
  readonly #binaries: ControlPlaneBinaries;
  readonly #options: ControlPlaneOptions;
  readonly #ports: Ports;
  #generation = 0;
  #etcd: ControlPlaneProcess | undefined;
  #apiServer: ControlPlaneProcess | undefined;
  #controllers: ControlPlaneProcess | undefined;

  private constructor(
    binaries: ControlPlaneBinaries,
    options: ControlPlaneOptions,
    authority: TestAuthority,
    ports: Ports,
    directory: string,
  ) {
    this.#binaries = binaries;
    this.#options = options;
    this.#ports = ports;
    this.authority = authority;
    this.directory = directory;
    this.api = new ApiCaller({ port: () => ports.api, ca: () => authority.certPem, token: ADMIN_TOKEN });
  }

  static async start(binaries: ControlPlaneBinaries, options: ControlPlaneOptions): Promise<ControlPlane> {
    const [etcd = 0, peers = 0, api = 0, controllers = 0] = await freePorts(4);
    const directory = mkdtempSync(join(tmpdir(), "postern-cluster-"));
    const authority = await TestAuthority.create("CN=test cluster CA");
    const plane = new ControlPlane(binaries, options, authority, { etcd, peers, api, controllers }, directory);
    try {
      await plane.#writeFiles();
      await plane.#startEtcd();
      await plane.#startApiServer();
      if (options.controllers === true) await plane.#startControllers();
      return plane;
    } catch (error) {
      // Nobody else knows the processes that run already.
      await plane[Symbol.asyncDispose]();
      throw error;
    }
  }

  get port(): number {
    return this.#ports.api;
  }

  /** As the administrator, with a cache of its own: kubectl remembers for hours what a server at this port served. */
  get kubectlFlags(): readonly string[] {
    return [
      `--kubeconfig=${join(this.directory, "kubeconfig")}`,
      `--cache-dir=${join(this.directory, "kubectl-cache")}`,
    ];
  }

  /** Kills the API server and starts it over the same etcd. */
  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.#startApiServer();
  }

  async stopApiServer(): Promise<void> {
    await this.#apiServer?.end();
  }

  async startApiServer(): Promise<void> {
    await this.#startApiServer();
  }

  pauseApiServer(): void {
    this.#apiServer?.pause();
  }

  resumeApiServer(): void {
    this.#apiServer?.resume();
  }

  /** Another etcd, with nothing in it, behind the same API server address. */
  async restartEmpty(): Promise<void> {
    await this.#apiServer?.end();
    await this.#etcd?.end();
    this.#generation += 1;
    await this.#startEtcd();
    await this.#startApiServer();
  }

  /** What `etcdctl compact` asks, at the current revision. */
  async compact(): Promise<void> {
    const { header } = (await this.#askEtcd("/v3/kv/range", { key: Buffer.from("/").toString("base64") })) as {
      readonly header: { readonly revision: string };
    };
    await this.#askEtcd("/v3/kv/compaction", { revision: header.revision, physical: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#controllers?.end();
    await this.#apiServer?.end();
    await this.#etcd?.end();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #writeFiles(): Promise<void> {
    const { directory, authority } = this;
    const pair = await authority.issue({ sans: ["ip:127.0.0.1", `ip:${this.#options.advertise}`], usages: ["server"] });
    writeFileSync(join(directory, "server.crt"), pair.certPem);
    writeFileSync(join(directory, "server.key"), pair.keyPem);
    writeFileSync(join(directory, "ca.crt"), authority.certPem);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    writeFileSync(join(directory, "accounts.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(join(directory, "tokens.csv"), `${ADMIN_TOKEN},administrator,1,"system:masters"\n`);
    writeFileSync(join(directory, "kubeconfig"), JSON.stringify(this.kubeconfig(ADMIN_TOKEN)));
  }

  /** JSON is YAML. */
  kubeconfig(token: string, port = this.port, host = "127.0.0.1"): object {
    return {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: "test",
          cluster: { server: `https://${host}:${port}`, "certificate-authority": join(this.directory, "ca.crt") },
        },
      ],
      users: [{ name: "test", user: { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      "current-context": "test",
    };
  }

  async #startEtcd(): Promise<void> {
    const { etcd, peers } = this.#ports;
    const url = `http://127.0.0.1:${etcd}`;
    const peerUrl = `http://127.0.0.1:${peers}`;
    this.#etcd = new ControlPlaneProcess("etcd", this.#binaries.etcd, [
      `--data-dir=${join(this.directory, `etcd-${this.#generation}`)}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      "--unsafe-no-fsync",
      "--log-level=error",
    ]);
    await this.#etcd.ready(async () => (await this.#askEtcd("/v3/maintenance/status", {})) !== undefined, READY_MS);
  }

  async #startApiServer(): Promise<void> {
    const { directory } = this;
    const { etcd, api } = this.#ports;
    this.#apiServer = new ControlPlaneProcess("kube-apiserver", this.#binaries.apiServer, [
      `--etcd-servers=http://127.0.0.1:${etcd}`,
      // Compaction happens when a test asks for it.
      "--etcd-compaction-interval=0",
      `--bind-address=${this.#options.bind ?? "127.0.0.1"}`,
      `--secure-port=${api}`,
      `--advertise-address=${this.#options.advertise}`,
      `--tls-cert-file=${join(directory, "server.crt")}`,
      `--tls-private-key-file=${join(directory, "server.key")}`,
      `--service-account-key-file=${join(directory, "accounts.key")}`,
      `--service-account-signing-key-file=${join(directory, "accounts.key")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--token-auth-file=${join(directory, "tokens.csv")}`,
      "--authorization-mode=RBAC",
      `--service-cluster-ip-range=${this.#options.serviceRanges ?? "10.0.0.0/24"}`,
      ...(this.#options.accounts === true ? [] : ["--disable-admission-plugins=ServiceAccount"]),
      "--max-requests-inflight=400",
      "--shutdown-delay-duration=0",
      ...(this.#options.apiServerFlags ?? []),
    ]);
    await this.#apiServer.ready(async () => (await this.api.call("GET", "/readyz")).status === 200, READY_MS);
  }

  async #startControllers(): Promise<void> {
    this.#controllers = new ControlPlaneProcess("kube-controller-manager", this.#binaries.controllerManager, [
      `--kubeconfig=${join(this.directory, "kubeconfig")}`,
      "--leader-elect=false",
      `--controllers=${CONTROLLERS}`,
      "--use-service-account-credentials=false",
      `--service-account-private-key-file=${join(this.directory, "accounts.key")}`,
      `--root-ca-file=${join(this.directory, "ca.crt")}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${this.#ports.controllers}`,
    ]);
    // The default account of a namespace is made by a controller: when it is there, they run.
    const path = "/api/v1/namespaces/default/serviceaccounts/default";
    await this.#controllers.ready(async () => (await this.api.call("GET", path)).status === 200, READY_MS);
  }

  async #askEtcd(path: string, body: object): Promise<unknown> {
    const outgoing = request({ host: "127.0.0.1", port: this.#ports.etcd, path, method: "POST", agent: false });
    outgoing.end(JSON.stringify(body));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of incoming.setEncoding("utf8")) text += String(chunk);
    if (incoming.statusCode !== 200) throw new Error(`etcd ${path}: ${incoming.statusCode} ${text}`);
    return JSON.parse(text) as unknown;
  }
}
