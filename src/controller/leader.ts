/** What the leading replica keeps, in the order in which one thing needs another. */
import type { ReflectorEnvironment } from "../api-server/watch/reflector-environment.ts";
import type { Log } from "../telemetry/log.ts";
import { AuthoritySecret, type MeshAuthority } from "./certificate-authority/authority-secret.ts";
import { publishBundle } from "./certificate-authority/bundle-secret.ts";
import type { ControllerConfig } from "./controller-config.ts";
import { gatewaysOf, keepGatewayCertificates, readMeshConfig } from "./gateway-certificates/gateway-certificates.ts";
import { keepCertificate } from "./gateway-certificates/kept-certificate.ts";
import type { MeshConfigCertificate } from "./gateway-certificates/mesh-config.ts";
import { RepeatedTask } from "./leader/repeated-task.ts";
import { meshNames, webhookHosts, type MeshNames } from "./names.ts";
import type { MeshNamespaces } from "./namespaces/mesh-namespaces.ts";
import { NamespaceObjects } from "./namespaces/namespace-objects.ts";
import { TrustBundlePublisher } from "./namespaces/trust-bundle.ts";
import { Signer } from "./signer/signer.ts";
import { keepCaBundle } from "./webhook/trusted-by-api-server.ts";

/** What was published and is used by the other tasks. */
interface Published extends MeshAuthority {
  /** PEM. */
  readonly bundle: string;
  readonly meshConfig: MeshConfigCertificate;
}

export interface LeaderOptions {
  readonly config: ControllerConfig;
  readonly log: Log;
  readonly environment: ReflectorEnvironment;
  readonly namespaces: MeshNamespaces;
  readonly leads: () => boolean;
  /** The Secret of the webhooks' certificate has changed. */
  readonly onWebhookCertificate: () => void;
}

export class Leader {
  readonly #options: LeaderOptions;
  readonly #names: MeshNames;
  readonly #authority: AuthoritySecret;
  readonly #objects: NamespaceObjects;
  readonly #trustBundle: TrustBundlePublisher;
  readonly #signer: Signer;
  readonly #first: RepeatedTask;
  /** Each needs what the first has published, and none needs another. */
  readonly #others: ReadonlyMap<string, RepeatedTask>;
  #published: Published | undefined;
  /** Counts the times that this replica has begun or ceased to lead. */
  #term = 0;
  #saidOfMeshConfig = "";

  constructor(options: LeaderOptions) {
    const { config, log, environment } = options;
    const { client } = environment;
    const { mesh } = config;
    this.#options = options;
    this.#names = meshNames(mesh.name);
    this.#authority = new AuthoritySecret({
      client,
      log,
      meshName: mesh.name,
      namespace: mesh.namespace,
      secret: config.givenAuthority ?? this.#names.authoritySecret,
      given: config.givenAuthority !== undefined,
      validityMs: config.authorityValidityMs,
      overlapMs: config.overlapMs,
    });
    this.#objects = new NamespaceObjects(environment, {
      client,
      meshName: mesh.name,
      onChange: () => this.#others.get("namespaces")?.soon(),
    });
    this.#trustBundle = new TrustBundlePublisher(client);
    this.#signer = new Signer(environment, {
      client,
      log,
      signer: this.#names.signer,
      rules: () => ({
        trustDomain: mesh.trustDomain,
        validityMs: this.#validityMs(),
        isMonitored: (namespace) => options.namespaces.marks(namespace) !== undefined,
      }),
      onChange: () => this.#others.get("certificate requests")?.soon(),
    });
    this.#first = this.#task("CA and bundle", (signal) => this.#publish(signal));
    const needing = (name: string, run: (published: Published, signal: AbortSignal) => Promise<void>) =>
      [
        name,
        this.#task(name, async (signal) => {
          if (this.#published !== undefined) await run(this.#published, signal);
        }),
      ] as const;
    this.#others = new Map([
      needing("certificate of the webhooks", (published, signal) => this.#webhookCertificate(published, signal)),
      needing("webhook configurations", ({ bundle }, signal) => this.#webhookConfigurations(bundle, signal)),
      needing("namespaces", async ({ bundle }, signal) => {
        if (options.namespaces.synced) await this.#objects.reconcile(options.namespaces.names(), bundle, signal);
      }),
      needing("certificate requests", async ({ authority }, signal) => {
        if (options.namespaces.synced) await this.#signer.answerAll(authority, this.#now(), signal);
      }),
      needing("gateway certificates", (published, signal) => this.#gateways(published, signal)),
      needing("ClusterTrustBundle", ({ bundle }, signal) =>
        this.#trustBundle.publish({ name: this.#names.trustBundle, signer: this.#names.signer, bundle }, signal),
      ),
    ]);
  }

  start(): void {
    this.#objects.start();
    this.#signer.start();
    this.#first.start();
    for (const task of this.#others.values()) task.start();
  }

  /** @param leads false: nothing is published by this replica any more */
  lead(leads: boolean): void {
    this.#term += 1;
    if (!leads) this.#published = undefined;
    this.#first.soon();
  }

  /** Something that several tasks look at has changed. */
  soon(): void {
    for (const task of this.#others.values()) task.soon();
  }

  problems(): Readonly<Record<string, string>> {
    const tasks = [["CA and bundle", this.#first] as const, ...this.#others];
    return Object.fromEntries(
      tasks.flatMap(([name, { problem }]) =>
        problem === undefined || !this.#options.leads() ? [] : [[name, problem]],
      ),
    );
  }

  async stop(): Promise<void> {
    const tasks = [this.#first, ...this.#others.values()];
    await Promise.all([...tasks.map((task) => task.stop()), this.#objects.stop(), this.#signer.stop()]);
  }

  #task(name: string, run: (signal: AbortSignal) => Promise<void>): RepeatedTask {
    const { config, environment, leads, log } = this.#options;
    return new RepeatedTask({
      clock: environment.clock,
      log,
      name,
      everyMs: config.everyMs,
      run: async (signal) => {
        if (leads()) await run(signal);
        return undefined;
      },
    });
  }

  #now(): number {
    return this.#options.environment.clock.now();
  }

  #validityMs(): number {
    return this.#published?.meshConfig.serviceValidityMs ?? this.#options.config.validityMs;
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { config, environment } = this.#options;
    const { client } = environment;
    const { namespace } = config.mesh;
    const term = this.#term;
    const meshConfig = await readMeshConfig(client, namespace, signal);
    this.#sayOnce(meshConfig.problems);
    const { authority, roots } = await this.#authority.reconcile(this.#now(), signal);
    const longest = Math.max(
      meshConfig.serviceValidityMs ?? config.validityMs,
      ...gatewaysOf(config.gateways, config.gatewaysByDefault, meshConfig).map((one) => one.validityMs ?? 0),
    );
    const bundle = await publishBundle({ client, namespace, keepMs: longest }, roots, this.#now(), signal);
    // Another may have led meanwhile, with another CA: `lead` has this run again.
    if (term !== this.#term) return;
    const former = this.#published;
    this.#published = { authority, roots, bundle, meshConfig };
    if (former?.authority !== authority || former.bundle !== bundle) this.soon();
  }

  async #webhookCertificate(published: Published, signal: AbortSignal): Promise<void> {
    const { config, environment, log, onWebhookCertificate } = this.#options;
    const { mesh, validityMs } = config;
    const secret = this.#names.webhookSecret;
    const wanted = {
      mesh: mesh.name,
      namespace: mesh.namespace,
      secret,
      names: webhookHosts(mesh),
      usages: ["server"] as const,
      validityMs,
    };
    const { issued } = await keepCertificate(environment.client, wanted, published, this.#now(), signal);
    if (!issued) return;
    log.info({ namespace: mesh.namespace, secret }, "certificate of the webhooks issued");
    onWebhookCertificate();
  }

  async #webhookConfigurations(bundle: string, signal: AbortSignal): Promise<void> {
    const { client } = this.#options.environment;
    const { injectorConfiguration, validatorConfiguration } = this.#names;
    await keepCaBundle(client, "mutatingwebhookconfigurations", injectorConfiguration, bundle, signal);
    await keepCaBundle(client, "validatingwebhookconfigurations", validatorConfiguration, bundle, signal);
  }

  async #gateways({ authority, bundle, meshConfig }: Published, signal: AbortSignal): Promise<void> {
    const { config, environment, log } = this.#options;
    const { mesh, validityMs } = config;
    const issuer = { client: environment.client, log, mesh: mesh.name, authority, bundle, validityMs };
    const gateways = gatewaysOf(config.gateways, config.gatewaysByDefault, meshConfig);
    await keepGatewayCertificates(issuer, gateways, this.#now(), signal);
  }

  #sayOnce(problems: readonly string[]): void {
    const said = problems.join("\n");
    if (said !== this.#saidOfMeshConfig)
      for (const problem of problems) this.#options.log.warn({ problem }, "MeshConfig");
    this.#saidOfMeshConfig = said;
  }
}
