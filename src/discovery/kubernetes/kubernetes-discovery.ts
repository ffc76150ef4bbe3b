/** Policy and endpoints from a Kubernetes API server: follows what one pod needs, and nothing more. */
import { createHash, randomUUID } from "node:crypto";
import type { Discovery, DiscoveryCounts, DiscoveryListener, ResourceHealth } from "../discovery.ts";
import type { InvalidPolicy, Policy, Self, World } from "../../policy/model.ts";
import { ownService } from "../../policy/own-service.ts";
import type { PolicyStatus } from "../../policy/snapshot.ts";
import { ApiClient } from "../../api-server/client.ts";
import { SYSTEM_CLOCK } from "../../api-server/clock.ts";
import type { Clock } from "../../api-server/clock.ts";
import type { ApiCredentials } from "../../api-server/credentials.ts";
import { Lease } from "../../api-server/lease.ts";
import { Outage } from "../../api-server/watch/outage.ts";
import { OwnServices } from "./own-services.ts";
import { closedBecause, PolicyFollower } from "./policies.ts";
import { PublishPacer } from "./publish-pacer.ts";
import { Report } from "../../api-server/watch/report.ts";
import type { DiscoveryLog } from "../../api-server/watch/report.ts";
import { sameElements, SourceServices } from "./source-services.ts";
import { DEFAULT_STATUS_TIMING, StatusWriter } from "./status-writer.ts";
import type { StatusTiming } from "./status-writer.ts";
import { DEFAULT_TIMING } from "../../api-server/timing.ts";
import type { KubernetesTiming } from "../../api-server/timing.ts";

export interface KubernetesDiscoveryOptions {
  readonly credentials: ApiCredentials;
  /** Of this pod: whose policies are followed. */
  readonly namespace: string;
  /** Needed to find the Services that this pod backs, unless they are named. */
  readonly podIps?: readonly string[];
  /** Default: found from the EndpointSlices that hold one of `podIps`. */
  readonly services?: readonly string[];
  /** When set, the labels of source namespaces are followed too. */
  readonly meshName?: string;
  /** Reported in Events and in the Lease. */
  readonly podName?: string;
  readonly log: DiscoveryLog;
  readonly clock?: Clock;
  /** Uniform in [0, 1); every jitter comes from it. */
  readonly random?: () => number;
  readonly timing?: Partial<KubernetesTiming>;
  readonly statusTiming?: Partial<StatusTiming>;
  /** How long a status writer that fell silent keeps the others waiting; milliseconds. */
  readonly leaseDurationMs?: number;
}

export type KubernetesDiscovery = Required<Discovery>;

/** @throws Error when neither Services nor a usable pod address is given */
export function createKubernetesDiscovery(options: KubernetesDiscoveryOptions): KubernetesDiscovery {
  return new ClusterDiscovery(options);
}

class ClusterDiscovery implements KubernetesDiscovery {
  readonly #client: ApiClient;
  readonly #report: Report;
  readonly #policies: PolicyFollower;
  readonly #own: OwnServices;
  readonly #sources: SourceServices;
  readonly #status: StatusWriter;
  readonly #pacer: PublishPacer;
  readonly #podName: string | undefined;
  #listener: DiscoveryListener | undefined;
  #published: { readonly world: World; readonly services: readonly string[] } | undefined;
  #stopped = false;

  constructor(options: KubernetesDiscoveryOptions) {
    const clock = options.clock ?? SYSTEM_CLOCK;
    const random = options.random ?? Math.random;
    this.#podName = options.podName;
    const timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#client = new ApiClient({ credentials: options.credentials, timing });
    this.#report = new Report(options.log, clock);
    this.#pacer = new PublishPacer(clock, timing.publishIntervalMs, () => this.#publish());
    const outage = new Outage(clock, random, timing);
    const environment = { client: this.#client, clock, random, report: this.#report, timing, outage };
    const onChange = (): void => this.#changed();
    this.#policies = new PolicyFollower(environment, { namespace: options.namespace, onChange });
    this.#own = new OwnServices(environment, { ...options, onChange });
    this.#sources = new SourceServices(environment, options.meshName !== undefined, onChange);
    const reporter = options.podName ?? "postern";
    this.#status = new StatusWriter({
      client: this.#client,
      clock,
      random,
      log: options.log,
      reporter,
      lease: new Lease({
        client: this.#client,
        clock,
        namespace: options.namespace,
        name: () => leaseName(this.#leasedNames()),
        identity: `${reporter}_${randomUUID()}`,
        durationMs: options.leaseDurationMs ?? 15_000,
      }),
      current: () => this.#policies.collect(),
      timing: { ...DEFAULT_STATUS_TIMING, ...options.statusTiming },
    });
  }

  start(listener: DiscoveryListener): Promise<void> {
    this.#listener = listener;
    this.#policies.start();
    this.#own.start();
    return Promise.resolve();
  }

  health(): readonly ResourceHealth[] {
    return [...this.#policies.health(), ...this.#own.health(), ...this.#sources.health()];
  }

  counts(): DiscoveryCounts {
    return {
      ...this.#report.counters,
      ...this.#client.counters,
      openConnections: this.#client.openConnections,
      statusWrites: this.#status.writes,
    };
  }

  publishStatuses(statuses: readonly PolicyStatus[]): void {
    this.#status.publish(statuses);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pacer.stop();
    await Promise.all([this.#policies.stop(), this.#own.stop(), this.#sources.stop(), this.#status.stop()]);
    await this.#client.close();
  }

  /** Any reflector changed: sources are started and stopped at once, the world follows at its pace. */
  #changed(): void {
    if (this.#stopped) return;
    if (!this.#policies.synced || !this.#own.synced) return;
    this.#sources.follow(this.#governing());
    this.#status.observe();
    if (this.#published === undefined && !this.#sources.settled) return;
    this.#pacer.mark();
  }

  /** The objects that name a Service of ours; closed where it is not known whether that Service is ours still. */
  #governing(): readonly (Policy | InvalidPolicy)[] {
    const self = this.#self();
    const { unknown } = this.#own;
    return [...this.#policies.collect().governing.values()]
      .map(({ object }) => object)
      .filter((object) => object.backends.some(({ name }) => ownService(name, self) !== undefined))
      .map((object) => (unknown === undefined ? object : closedBecause(object, unknown)));
  }

  /** The objects of other applications: nothing of them is followed, but what they claim is said. */
  #others(): readonly (Policy | InvalidPolicy)[] {
    const self = this.#self();
    return [...this.#policies.collect().governing.values()]
      .map(({ object }) => object)
      .filter((object) => object.backends.every(({ name }) => ownService(name, self) === undefined));
  }

  #self(): Pick<Self, "services" | "podName"> {
    return { services: this.#own.names(), ...(this.#podName !== undefined && { podName: this.#podName }) };
  }

  /** Where an object names this pod alone, no replica can write its status for us: then the Lease is ours alone. */
  #leasedNames(): readonly string[] {
    const { services } = this.#self();
    const named = this.#governing().some((object) =>
      object.backends.some(({ name }) => !services.includes(name) && ownService(name, this.#self()) !== undefined),
    );
    return named && this.#podName !== undefined ? [...services, this.#podName] : services;
  }

  #publish(): void {
    const objects = [...this.#governing(), ...this.#others()];
    const known = this.#own.known();
    const world: World = {
      policies: objects.filter((object): object is Policy => !("problems" in object)),
      invalidPolicies: objects.filter((object): object is InvalidPolicy => "problems" in object),
      services: this.#own.services(),
      endpoints: this.#sources.endpoints(),
      namespaces: this.#sources.namespaces(),
      ...(known !== undefined && { knownServices: known }),
    };
    const services = this.#own.names();
    if (
      this.#published !== undefined &&
      sameWorld(this.#published.world, world) &&
      sameElements(this.#published.services, services)
    )
      return;
    this.#published = { world, services };
    this.#listener?.onWorld(world, services);
  }
}

/** Every part is kept by reference as long as it does not change, except own Services, which are few and small. */
function sameWorld(a: World, b: World): boolean {
  return (
    sameElements(a.policies, b.policies) &&
    sameElements(a.invalidPolicies, b.invalidPolicies) &&
    sameElements([...a.endpoints].flat(), [...b.endpoints].flat()) &&
    sameElements([...a.namespaces].flat(), [...b.namespaces].flat()) &&
    sameElements([...(a.knownServices ?? [])].sort(), [...(b.knownServices ?? [])].sort()) &&
    JSON.stringify(describeServices(a)) === JSON.stringify(describeServices(b))
  );
}

function describeServices(world: World): unknown {
  return [...world.services].map(([key, service]) => [
    key,
    service.targetPorts,
    [...service.appProtocols],
    service.hasNamedTargetPorts,
  ]);
}

/** Replicas that back the same Services, and are named by no object, come to the same statuses, so they share one Lease. */
function leaseName(services: readonly string[]): string {
  return `postern-status-${createHash("sha256").update(services.join(",")).digest("hex").slice(0, 16)}`;
}
