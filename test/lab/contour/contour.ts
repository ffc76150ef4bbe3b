/** Contour on the node and its Envoys at the edges, as programs: no Pod is needed for them to be the real ones. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ControlPlaneProcess } from "../../cluster/control-plane/process.ts";
import type { LabCluster } from "../cluster.ts";
import { NODE, type Namespace } from "../network.ts";
import type { Contour } from "./obtain-contour.ts";

const run = promisify(execFile);
const XDS_PORT = 8001;
const READY_MS = 30_000;
/** Envoy's own port for whoever asks whether it is ready, as Contour sets it up. */
const READY_PORT = 8002;

/** Kinds of the Gateway API that are not installed, so that Contour does not wait for them. */
const GATEWAY_KINDS = ["tlsroutes", "grpcroutes", "tcproutes", "backendtlspolicies"] as const;

export interface ContourOptions {
  readonly contour: Contour;
  readonly envoy: string;
  /** Contour's configuration file. */
  readonly config: string;
  readonly gatewayApi?: boolean;
}

export class ContourEdge implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "postern-contour-"));
  readonly #options: ContourOptions;
  readonly #envoys: ControlPlaneProcess[] = [];
  #contour: ControlPlaneProcess | undefined;

  private constructor(options: ContourOptions) {
    this.#options = options;
  }

  static async start(cluster: LabCluster, options: ContourOptions): Promise<ContourEdge> {
    const edge = new ContourEdge(options);
    try {
      await edge.#start(cluster);
    } catch (error) {
      await edge[Symbol.asyncDispose]();
      throw error;
    }
    return edge;
  }

  /** Envoy in a namespace: 8080 for HTTP, 8443 for HTTPS once something is routed there. */
  async addEnvoy(at: Namespace): Promise<ControlPlaneProcess> {
    const directory = join(this.#directory, at.name);
    mkdirSync(directory);
    const bootstrap = join(directory, "envoy.json");
    await run(this.#options.contour.program, [
      "bootstrap",
      bootstrap,
      `--xds-address=${NODE.ipv4}`,
      `--xds-port=${XDS_PORT}`,
      `--admin-address=${join(directory, "admin.sock")}`,
      `--resources-dir=${directory}`,
    ]);
    const envoy = new ControlPlaneProcess(
      `envoy in ${at.name}`,
      ...at.command(
        this.#options.envoy,
        ...`-c ${bootstrap} --service-cluster projectcontour --service-node ${at.name}`.split(" "),
        ...`--concurrency 1 --use-dynamic-base-id --log-level warning`.split(" "),
      ),
    );
    this.#envoys.push(envoy);
    await envoy.ready(async () => (await fetch(`http://${at.ipv4}:${READY_PORT}/ready`)).ok, READY_MS);
    return envoy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const envoy of this.#envoys) await envoy.end();
    await this.#contour?.end();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The last words of every program, for messages of failed tests. */
  get output(): string {
    return [this.#contour, ...this.#envoys].map((each) => each?.output ?? "").join("\n---\n");
  }

  async #start(cluster: LabCluster): Promise<void> {
    const { contour, config, gatewayApi = false } = this.#options;
    // The program refuses a configuration file that it may not write beside.
    const copy = join(this.#directory, "contour.yaml");
    copyFileSync(config, copy);
    this.#contour = new ControlPlaneProcess("contour", contour.program, [
      "serve",
      `--kubeconfig=${cluster.kubeconfig(join(this.#directory, "kubeconfig"))}`,
      `--config-path=${copy}`,
      "--insecure",
      // Envoy opens its access log as a file, which the socket that it has for stdout cannot be.
      "--envoy-http-access-log=/dev/null",
      "--envoy-https-access-log=/dev/null",
      "--disable-leader-election",
      `--xds-address=${NODE.ipv4}`,
      `--xds-port=${XDS_PORT}`,
      ...(gatewayApi ? [] : GATEWAY_KINDS.map((kind) => `--disable-feature=${kind}`)),
    ]);
    await this.#contour.ready(async () => (await fetch("http://127.0.0.1:8000/healthz")).ok, READY_MS);
  }
}
