/** A cluster as the behaviour suite sees it: the stand-in and the real control plane both answer to this. */
import type { ApiCredentials } from "../../../src/api-server/credentials.ts";
import { TestAuthority } from "../mesh/authority.ts";
import { ApiCaller } from "./api-caller.ts";
import { Link } from "./link.ts";
import { FORK_DEFINITION, OSM_DEFINITION } from "./resource-types.ts";
import { StandIn, type StandInOptions } from "./stand-in.ts";

export interface TestCluster extends AsyncDisposable {
  readonly api: ApiCaller;
  /** Between the sidecar and the server. */
  readonly link: Link;
  /** Of an account that may do all a sidecar has to. */
  credentials(): HeldCredentials;
  /** Ends the server and starts it again over the same data. */
  restart(): Promise<void>;
  /** The same over an empty etcd; only the namespaces and the definitions are there again. */
  restartEmpty(): Promise<void>;
  /** The history of changes so far is forgotten. */
  compact(): Promise<void>;
  /** Installs or removes the CRD of OSM's group; returns when the server knows. */
  definePolicies(defined: boolean): Promise<void>;
  /** The same for the group of OSM's fork. */
  defineFork(defined: boolean): Promise<void>;
}

export const NAMESPACES = ["test", "gateways", "gateways2"] as const;

const SIDECAR_TOKEN = "sidecar-token";
const ADMIN_TOKEN = "admin-token";

/** A token and a CA that the test may change under way. */
export class HeldCredentials implements ApiCredentials {
  readonly origin = "the test";
  readonly server: URL;
  token: string;
  ca: string;
  refusals = 0;

  constructor(port: number, token: string, ca: string) {
    this.server = new URL(`https://127.0.0.1:${port}`);
    this.token = token;
    this.ca = ca;
  }

  tls(): Promise<{ readonly ca: string }> {
    return Promise.resolve({ ca: this.ca });
  }

  headers(): Promise<{ readonly authorization: string }> {
    return Promise.resolve({ authorization: `Bearer ${this.token}` });
  }

  refused(): void {
    this.refusals += 1;
  }
}

/** The stand-in behind a link. */
export class StandInCluster implements TestCluster {
  readonly api: ApiCaller;
  readonly link: Link;
  readonly server: StandIn;
  readonly authority: TestAuthority;

  private constructor(server: StandIn, link: Link, authority: TestAuthority) {
    this.server = server;
    this.link = link;
    this.authority = authority;
    server.accounts.grant(SIDECAR_TOKEN, { name: "sidecar", may: () => true });
    server.accounts.grant(ADMIN_TOKEN, { name: "admin", may: () => true });
    this.api = new ApiCaller({ port: () => server.port, ca: () => this.authority.certPem, token: ADMIN_TOKEN });
  }

  static async start(options: Partial<StandInOptions> = {}): Promise<StandInCluster> {
    const authority = await TestAuthority.create("CN=test cluster CA");
    const pair = await authority.issue({ sans: ["ip:127.0.0.1"] });
    const server = await StandIn.start({ ...pair, ...options });
    const cluster = new StandInCluster(server, await Link.open(() => server.port), authority);
    cluster.#namespaces();
    return cluster;
  }

  credentials(): HeldCredentials {
    return new HeldCredentials(this.link.port, SIDECAR_TOKEN, this.authority.certPem);
  }

  async restart(): Promise<void> {
    await this.link.remove();
    await this.link.restore();
  }

  async restartEmpty(): Promise<void> {
    await this.link.remove();
    this.server.forget();
    this.#namespaces();
    await this.link.restore();
  }

  compact(): Promise<void> {
    this.server.compact();
    return Promise.resolve();
  }

  definePolicies(defined: boolean): Promise<void> {
    return this.#define(OSM_DEFINITION, defined);
  }

  defineFork(defined: boolean): Promise<void> {
    return this.#define(FORK_DEFINITION, defined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }

  async #define(definition: string, defined: boolean): Promise<void> {
    if (defined) this.server.install(definition);
    else await this.api.ask("DELETE", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition}`);
  }

  #namespaces(): void {
    for (const name of NAMESPACES) this.server.createNamespace(name);
  }
}
