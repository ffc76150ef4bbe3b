/** A real API server with a mesh in it: the controller's own objects, and replicas of it as real processes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  controllerObjects,
  CONTROLLER_DEFAULTS,
  WEBHOOK_PORT,
  type ControllerObjectsOptions,
} from "../../src/controller/manifests/controller-objects.ts";
import { meshNames, type Mesh } from "../../src/controller/names.ts";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import { ApiCaller, type ApiObject, type ManifestLike } from "../support/api-server/api-caller.ts";
import { LogLines } from "../support/process/log-lines.ts";
import { freePorts } from "../support/process/ports.ts";
import { until } from "../support/until.ts";
import { cachedBinaries } from "./control-plane/build.ts";
import { ControlPlane } from "./control-plane/control-plane.ts";
import { NODE_ADDRESS, shipped } from "./real-cluster.ts";

/** Of a process on a machine that does other things too. */
const START_MS = 120_000;
const MAIN = join(import.meta.dirname, "../../src/main.ts");
export const MESH: Mesh = { name: "osm", namespace: "osm-system", trustDomain: "cluster.local" };
export const NAMES = meshNames(MESH.name);
export const GATEWAY = { namespace: MESH.namespace, secret: "osm-contour-envoy-client-cert" };

/** The API server finds webhooks by the EndpointSlices of their Service: nothing routes Service addresses here. */
const API_SERVER_FLAGS = [
  "--enable-aggregator-routing=true",
  "--feature-gates=ClusterTrustBundle=true",
  "--runtime-config=certificates.k8s.io/v1beta1/clustertrustbundles=true",
];

export class ControllerReplica implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly log: LogLines;
  readonly webhook: number;
  readonly health: number;
  readonly #exited: Promise<number | null>;

  constructor(child: ChildProcess, ports: { readonly webhook: number; readonly health: number }) {
    this.child = child;
    this.log = new LogLines([child.stdout!, child.stderr!]);
    this.webhook = ports.webhook;
    this.health = ports.health;
    this.#exited = once(child, "exit").then(([code]) => code as number | null);
  }

  async readiness(): Promise<
    { readonly ready: boolean; readonly leads: boolean; readonly problems: object } | undefined
  > {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.health}/readyz`);
      return (await answer.json()) as { ready: boolean; leads: boolean; problems: object };
    } catch {
      return undefined;
    }
  }

  async ready(): Promise<void> {
    await this.log.next({ message: "controller listens" }, { timeoutMs: START_MS });
    await until(
      () => `the controller is ready\n${this.log.toString()}`,
      async () => (await this.readiness())?.ready === true,
    );
  }

  /** @returns the exit code */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.#exited;
  }
}

export class MeshCluster implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly directory = mkdtempSync(join(tmpdir(), "postern-mesh-"));

  readonly #bare: boolean;

  private constructor(plane: ControlPlane, bare: boolean) {
    this.plane = plane;
    this.#bare = bare;
  }

  /** @param options `bare`: nothing of a mesh is in it yet, and its controllers run */
  static async start({ bare = false }: { readonly bare?: boolean } = {}): Promise<MeshCluster> {
    const binaries = await cachedBinaries(process.env);
    if (binaries === undefined) throw new Error("the control plane is not built: npm run test:cluster builds it");
    const plane = await ControlPlane.start(binaries, {
      advertise: NODE_ADDRESS,
      apiServerFlags: API_SERVER_FLAGS,
      controllers: bare,
    });
    const cluster = new MeshCluster(plane, bare);
    try {
      if (!bare) await cluster.#prepare();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get api(): ApiCaller {
    return this.plane.api;
  }

  objects(
    options: Partial<Pick<ControllerObjectsOptions, "givenAuthority" | "gatewaySecrets" | "mesh">> = {},
  ): readonly ManifestLike[] {
    return controllerObjects({
      ...CONTROLLER_DEFAULTS,
      mesh: MESH,
      image: "postern:test",
      gatewaySecrets: [GATEWAY],
      ...options,
    });
  }

  /** OSM's definition as far as its name goes; the server serves it when this returns. */
  async defineMeshConfig(): Promise<void> {
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    await this.api.apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "meshconfigs.config.openservicemesh.io" },
      spec: {
        group: "config.openservicemesh.io",
        names: { kind: "MeshConfig", plural: "meshconfigs", singular: "meshconfig" },
        scope: "Namespaced",
        versions: [{ name: "v1alpha2", served: true, storage: true, schema }],
      },
    });
    const path = `/apis/config.openservicemesh.io/v1alpha2/namespaces/${MESH.namespace}/meshconfigs`;
    await until("MeshConfigs are served", async () => (await this.api.call("GET", path)).status === 200);
  }

  async #prepare(): Promise<void> {
    for (const name of [MESH.namespace, "other"]) await this.namespace(name);
    for (const name of ["test"]) await this.namespace(name, { [MONITORED_LABEL]: MESH.name });
    const [definition] = shipped("crd/policy.openservicemesh.io_ingressbackends.yaml");
    await this.api.apply(withoutRules(definition!));
    await this.api.apply(...this.objects());
  }

  namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    return this.api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  }

  /** A kubeconfig of a service account; with a pod, its token is bound to it as the kubelet's are. */
  async kubeconfig(namespace: string, account: string, pod?: ApiObject): Promise<string> {
    const file = join(this.directory, `${namespace}-${account}-${pod?.metadata.name ?? "unbound"}.json`);
    writeFileSync(file, JSON.stringify(this.plane.kubeconfig(await this.token(namespace, account, pod))));
    return file;
  }

  async token(namespace: string, account: string, pod?: ApiObject): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const boundObjectRef = pod && { apiVersion: "v1", kind: "Pod", name: pod.metadata.name, uid: pod.metadata.uid };
    const answer = await this.api.ask("POST", path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3_600, ...(boundObjectRef !== undefined && { boundObjectRef }) },
    });
    return answer.status?.token ?? "";
  }

  /** An API caller with the rights of a token. */
  as(token: string): ApiCaller {
    return new ApiCaller({ port: () => this.plane.port, ca: () => this.plane.authority.certPem, token });
  }

  /** Starts one, not waiting for anything; its webhooks are reached when it is among the endpoints. */
  replica(name: string, ...flags: readonly string[]): Promise<ControllerReplica> {
    return this.replicaOf(MESH, name, ...flags);
  }

  async replicaOf(mesh: Mesh, name: string, ...flags: readonly string[]): Promise<ControllerReplica> {
    const [free = 0, health = 0] = await freePorts(2);
    // Where the controllers run, the Deployment's pods are endpoints with the port that it names.
    const webhook = this.#bare ? WEBHOOK_PORT : free;
    const kubeconfig = await this.kubeconfig(mesh.namespace, meshNames(mesh.name).controller);
    const argv = [
      MAIN,
      "controller",
      `--kubeconfig=${kubeconfig}`,
      `--mesh-name=${mesh.name}`,
      `--namespace=${mesh.namespace}`,
      `--pod-name=${name}`,
      `--webhook=${NODE_ADDRESS}:${webhook}`,
      `--health=127.0.0.1:${health}`,
      "--drain-delay=0",
      "--lease-duration=6s",
      ...flags,
    ];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
    return new ControllerReplica(child, { webhook, health });
  }

  /** What the EndpointSlice controller would write of the replicas that are ready; the API server has seen it. */
  async route(...replicas: readonly ControllerReplica[]): Promise<void> {
    for (const [index, { webhook }] of replicas.entries())
      await this.api.apply({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          name: `${NAMES.controller}-${index}`,
          namespace: MESH.namespace,
          labels: { "kubernetes.io/service-name": NAMES.controller },
        },
        addressType: "IPv4",
        endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
        ports: [{ name: "webhook", port: webhook, protocol: "TCP" }],
      });
  }

  async read(apiVersion: string, kind: string, namespace: string, name: string): Promise<ApiObject | undefined> {
    try {
      return await this.api.read({ apiVersion, kind, metadata: { name, namespace } });
    } catch {
      return undefined;
    }
  }

  /** The texts of a Secret, when all of these keys are there. */
  async secret(name: string, ...keys: readonly string[]): Promise<Readonly<Record<string, string>>> {
    let texts: Record<string, string> = {};
    await until(`Secret ${name} holds ${keys.join(", ")}`, async () => {
      const data = (await this.read("v1", "Secret", MESH.namespace, name))?.["data"] ?? {};
      texts = Object.fromEntries(
        Object.entries(data as Record<string, string>).map(([key, text]) => [
          key,
          Buffer.from(text, "base64").toString(),
        ]),
      );
      return keys.every((key) => (texts[key] ?? "") !== "");
    });
    return texts;
  }

  async account(namespace: string, name: string): Promise<void> {
    await this.api.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** As OSM's own definition, which has types and no rules: those are left to the webhook. */
function withoutRules<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (key, member: unknown) => (key === "x-kubernetes-validations" ? undefined : member)),
  ) as Value;
}

export function podOf(namespace: string, name: string, account: string): ManifestLike {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: account } },
    spec: {
      serviceAccountName: account,
      containers: [{ name: "app", image: "app:1", ports: [{ containerPort: 80 }] }],
    },
  };
}
