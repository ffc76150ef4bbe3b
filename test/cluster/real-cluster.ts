/** The real control plane as the behaviour suite sees it: the sidecar is a service account with the shipped roles and a token of the TokenRequest API. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { collectionPath, type ApiCaller, type ManifestLike } from "../support/api-server/api-caller.ts";
import { Link } from "../support/api-server/link.ts";
import { FORK_DEFINITION, OSM_DEFINITION } from "../support/api-server/resource-types.ts";
import { HeldCredentials, NAMESPACES, type TestCluster } from "../support/api-server/test-cluster.ts";
import { cachedBinaries } from "./control-plane/build.ts";
import { ControlPlane } from "./control-plane/control-plane.ts";

const CONFIG = join(import.meta.dirname, "../../config");
/** Of the network namespace that `test:cluster` makes. */
export const NODE_ADDRESS = "10.99.0.1";

const POLICIES = { apiVersion: "policy.openservicemesh.io/v1alpha1", kind: "IngressBackend" };
const SLICES = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" };
const LEASES = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };

/** Objects of a shipped file; those of `kubernetes/` for an account as docs/kubernetes.md has them made. */
export function shipped(file: string, account = "postern", namespace = "test"): readonly ManifestLike[] {
  const written = readFileSync(join(CONFIG, file), "utf8");
  const text = file.startsWith("kubernetes/")
    ? written.replaceAll("guarded", account).replaceAll("default", namespace)
    : written;
  return parseAllDocuments(text).map((document) => document.toJS() as ManifestLike);
}

export class RealCluster {
  readonly plane: ControlPlane;
  readonly link: Link;
  #token = "";

  private constructor(plane: ControlPlane, link: Link) {
    this.plane = plane;
    this.link = link;
  }

  static async start(options: { readonly controllers?: boolean } = {}): Promise<RealCluster> {
    const binaries = await cachedBinaries(process.env);
    if (binaries === undefined) throw new Error("the control plane is not built: npm run test:cluster builds it");
    const plane = await ControlPlane.start(binaries, { advertise: NODE_ADDRESS, ...options });
    const cluster = new RealCluster(plane, await Link.open(() => plane.port));
    try {
      await cluster.prepare();
      return cluster;
    } catch (error) {
      await cluster.end();
      throw error;
    }
  }

  get api(): ApiCaller {
    return this.plane.api;
  }

  credentials(): HeldCredentials {
    return new HeldCredentials(this.link.port, this.#token, this.plane.authority.certPem);
  }

  /** Namespaces, definition, roles and the account, over an empty etcd. */
  async prepare(): Promise<void> {
    for (const name of NAMESPACES) await this.api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await this.define(OSM_DEFINITION, true);
    for (const file of ["roles", "bindings", "mesh"]) await this.api.apply(...shipped(`kubernetes/${file}.yaml`));
    this.#token = await this.token(3_600);
  }

  /** @param seconds the API server refuses less than 600 */
  async token(seconds: number, account = "postern", namespace = "test"): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const spec = { expirationSeconds: seconds };
    const answer = await this.api.ask("POST", path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec,
    });
    return answer.status?.token ?? "";
  }

  async define(definition: string, defined: boolean): Promise<void> {
    const [object] = shipped("crd/policy.openservicemesh.io_ingressbackends.yaml");
    const group = definition.replace(/^ingressbackends\./, "");
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    if (defined) {
      const { spec } = object as ManifestLike & { readonly spec: object };
      await this.api.apply({ ...(object as ManifestLike), metadata: { name: definition }, spec: { ...spec, group } });
    } else await this.api.call("DELETE", `${path}/${definition}`);
    const list = collectionPath(`${group}/v1alpha1`, "IngressBackend", "test");
    await this.#until(async () => ((await this.api.call("GET", list)).status === 200) === defined);
  }

  /** For one test: what the last one left is gone, what it took away is there again. */
  async borrow(): Promise<TestCluster> {
    await this.link.restore();
    this.link.thaw();
    this.link.barred = false;
    await this.define(FORK_DEFINITION, false);
    for (const name of NAMESPACES) await this.#namespace(name);
    await this.define(OSM_DEFINITION, true);
    for (const namespace of NAMESPACES)
      for (const { apiVersion, kind } of [POLICIES, SLICES, LEASES])
        await this.api.ask("DELETE", collectionPath(apiVersion, kind, namespace));
    this.link.accepted = 0;
    return {
      api: this.api,
      link: this.link,
      credentials: () => this.credentials(),
      restart: () => this.plane.restartApiServer(),
      restartEmpty: async () => {
        await this.plane.restartEmpty();
        await this.prepare();
      },
      compact: () => this.plane.compact(),
      definePolicies: (defined) => this.define(OSM_DEFINITION, defined),
      defineFork: (defined) => this.define(FORK_DEFINITION, defined),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async end(): Promise<void> {
    await this.link[Symbol.asyncDispose]();
    await this.plane[Symbol.asyncDispose]();
  }

  /** Present and unlabelled; one that is being deleted is waited for. */
  async #namespace(name: string): Promise<void> {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: {} } };
    await this.#until(async () => {
      const { status, body } = await this.api.call("GET", `/api/v1/namespaces/${name}`);
      if (status === 404) await this.api.create(object);
      return status === 200 && (body["status"] as { readonly phase?: string }).phase === "Active";
    });
    await this.api.replace(object);
  }

  async #until(isTrue: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await isTrue()); tries += 1) {
      if (tries === 300) throw new Error("the cluster did not get where the test wanted it within 30 s");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
