/**
 * The control side, put together: discovery feeds the compiler, the compiler feeds the data plane, credentials follow
 * their files, and everything that may change while it runs is here. The only file that knows every part.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "./config/config.ts";
import type { Discovery, DiscoveryCounts, ResourceHealth } from "./discovery/discovery.ts";
import { compile } from "./policy/compile.ts";
import type { World } from "./policy/model.ts";
import { CLOSED, type PolicyStatus, type Snapshot } from "./policy/snapshot.ts";
import { describeLag } from "./proxy/control/applied-state.ts";
import { startDataPlane, type DataPlane } from "./proxy/control/data-plane.ts";
import type { Log } from "./telemetry/log.ts";
import type { LogOutput } from "./telemetry/log-output.ts";
import { startSpans, type Spans } from "./telemetry/spans.ts";
import type { CredentialsFault } from "./tls/credentials-life.ts";
import type { Credentials } from "./tls/credentials.ts";
import { OwnCredentials } from "./tls/own-credentials.ts";

/** How often the age of the data is compared with `maxStale`. */
const STALE_CHECK_MS = 1_000;

/** A quiet watch proves its age once a minute, by a bookmark. */
const LEAST_CLUSTER_MAX_STALE_MS = 120_000;

/**
 * Bound on the end of the process after its drain. The drain delay, the drain deadline, what a drain may take beyond it
 * (`DRAIN_SLACK_MS`) and this stay below the pod's `terminationGracePeriodSeconds`: the kubelet kills what is late.
 */
export const LONGEST_CLOSE_MS = 5_000;

/** What keeps the sidecar from being ready; empty when it is. */
export type Unready =
  | "starting"
  | "waiting for policy and endpoints"
  | "waiting for the listeners"
  | "policy and endpoints are stale"
  | CredentialsFault
  | `data-plane thread ${number} ${string}`
  | "draining";

export class Sidecar {
  readonly config: Config;
  readonly log: Log;
  readonly #output: LogOutput;
  readonly #discovery: Discovery;
  readonly #statuses = new Map<string, string>();
  #dataPlane: DataPlane | undefined;
  #credentials: OwnCredentials | undefined;
  #spans: Spans | undefined;
  #snapshot: Snapshot = CLOSED;
  #version = 0;
  /** What was discovered last; compiled again when it becomes fresh after having been stale. */
  #world: { readonly world: World; readonly services: readonly string[] } | undefined;
  #staleTimer: NodeJS.Timeout | undefined;
  #draining = false;
  readonly #broken = Promise.withResolvers<void>();

  /** @param output of the log, for the lines of the threads */
  constructor(
    config: Config,
    { log, output }: { readonly log: Log; readonly output: LogOutput },
    discovery: Discovery,
  ) {
    this.config = config;
    this.log = log;
    this.#output = output;
    this.#discovery = discovery;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials?.current;
  }

  get credentialFailures(): number {
    return this.#credentials?.failures ?? 0;
  }

  get credentialProblem(): string | undefined {
    return this.#credentials?.problem;
  }

  /** Log lines that the output did not take, beside those that the threads have counted. */
  get linesLost(): number {
    return this.#output.lost;
  }

  get dataPlane(): DataPlane | undefined {
    return this.#dataPlane;
  }

  /** Settles when only a new process can serve as it should. The log says why. */
  get broken(): Promise<void> {
    return this.#broken.promise;
  }

  resources(): readonly ResourceHealth[] {
    return this.#discovery.health();
  }

  discoveryCounts(): DiscoveryCounts | undefined {
    return this.#discovery.counts?.();
  }

  unready(): readonly Unready[] {
    const reasons: Unready[] = [];
    if (this.#draining) reasons.push("draining");
    if (this.#dataPlane === undefined) reasons.push("starting");
    else if (!this.#dataPlane.threads().every((thread) => thread.listening)) reasons.push("waiting for the listeners");
    for (const { thread, lag } of this.#dataPlane?.threads() ?? [])
      if (lag !== undefined) reasons.push(`data-plane thread ${thread} ${describeLag(lag)}`);
    if (this.#credentials?.fault !== undefined) reasons.push(this.#credentials.fault);
    if (this.#snapshot.closed === "no-snapshot") reasons.push("waiting for policy and endpoints");
    if (this.#snapshot.closed === "stale-snapshot") reasons.push("policy and endpoints are stale");
    return reasons;
  }

  /** @throws CredentialsError, ListenError, ManifestsError: what an operator must mend before anything is served */
  async start(): Promise<void> {
    const { config, log } = this;
    if (config.tls === undefined) log.warn({}, "no certificate is configured: https backends stay closed");
    else this.#credentials = await OwnCredentials.read(config.tls, log);
    if (config.tracing !== undefined)
      this.#spans = await startSpans({ ...config.tracing, resource: selfOf(config), log });
    this.#dataPlane = await startDataPlane(
      { ...config, snapshot: this.#snapshot, credentials: this.credentials },
      {
        onLines: (batch, taken) => this.#output.batch(batch, taken),
        onSpans: (records) => this.#spans?.write(records),
        onThreadLost: ({ thread, cause, restartInMs }) =>
          log.error({ thread, restartInMs, error: cause }, "data-plane thread lost; it is replaced"),
        onThreadLagging: ({ thread, lag, restartInMs }) =>
          log.error(
            { thread, ...lag, ...(restartInMs !== undefined && { restartInMs }) },
            `data-plane thread ${thread} ${describeLag(lag)}; ${restartInMs === undefined ? "it refuses all TLS" : "it is replaced"}`,
          ),
        onThreadStuck: (thread) => {
          log.error({ thread }, "lost data-plane thread cannot be ended, and takes connections; the process ends");
          this.#broken.resolve();
        },
        onProblem: (thread, problem) => log.warn({ thread, problem }, "data plane problem"),
      },
    );
    for (const { port, listen, listenByDefault, app, forward } of this.#dataPlane.backends) {
      if (listenByDefault === true && listen.host === "0.0.0.0")
        log.warn({ port, listen }, "this machine has no IPv6: the default listener takes IPv4 only");
      log.info({ port, listen, app, forward }, "backend listens");
    }
    this.#credentials?.follow((credentials) => this.#dataPlane?.setCredentials(credentials));
    await this.#discovery.start({ onWorld: (world, services) => this.#onWorld(world, services) });
    if (config.maxStaleMs !== undefined) this.#staleTimer = setInterval(() => this.#checkAge(), STALE_CHECK_MS).unref();
  }

  /** Readiness fails at once; listeners stay for the drain delay, then what is in flight may finish. */
  async drain(): Promise<{ readonly cut: number }> {
    const { drainDelayMs, drainDeadlineMs } = this.config;
    this.#draining = true;
    this.log.info({ drainDelayMs, drainDeadlineMs }, "draining");
    await new Promise((resolve) => setTimeout(resolve, drainDelayMs));
    const result = (await this.#dataPlane?.drain({ deadlineMs: drainDeadlineMs })) ?? { cut: 0 };
    this.log.info(result, "drained");
    return result;
  }

  /** Ends everything; returns after `withinMs` at the latest, whatever has not ended by then. */
  async close(withinMs = LONGEST_CLOSE_MS): Promise<void> {
    clearInterval(this.#staleTimer);
    this.#credentials?.stop();
    const late = new AbortController();
    const ended = this.#endParts().then(() => true);
    const inTime = await Promise.race([ended, delay(withinMs, false, { signal: late.signal })]);
    late.abort();
    if (!inTime) this.log.error({ withinMs }, "not everything could be ended in time");
  }

  async #endParts(): Promise<void> {
    await this.#discovery.stop();
    await this.#dataPlane?.close();
    await this.#spans?.close();
  }

  #onWorld(world: World, services: readonly string[]): void {
    this.#world = { world, services };
    this.#publish(this.#isStale() ? this.#closedSnapshot("stale-snapshot") : this.#compile(world, services));
  }

  /** After a fault of the compiler the response is no: what was in force may be what somebody has just revoked. */
  #compile(world: World, services: readonly string[]): Snapshot {
    const { namespace, meshName, nodes } = this.config;
    try {
      const self = { namespace, services, nodes, ...(meshName !== undefined && { meshName }) };
      return compile(world, self, this.#version + 1);
    } catch (error) {
      this.log.error({ error }, "policy could not be compiled; everybody is refused");
      return this.#closedSnapshot("no-snapshot");
    }
  }

  #closedSnapshot(closed: "no-snapshot" | "stale-snapshot"): Snapshot {
    return { version: this.#version + 1, rules: new Map(), closed, statuses: [] };
  }

  #publish(snapshot: Snapshot): void {
    this.#version = snapshot.version;
    this.#snapshot = snapshot;
    this.#dataPlane?.publish(snapshot);
    this.log.info(
      { version: snapshot.version, closed: snapshot.closed, rules: snapshot.rules.size },
      "snapshot published",
    );
    for (const status of snapshot.statuses) this.#reportStatus(status);
    this.#discovery.publishStatuses?.(snapshot.statuses);
  }

  #reportStatus(status: PolicyStatus): void {
    const text = JSON.stringify(status);
    if (this.#statuses.get(status.policy) === text) return;
    this.#statuses.set(status.policy, text);
    const { policy, currentStatus, reason, warnings } = status;
    if (currentStatus === "error") this.log.warn({ policy, currentStatus, reason, warnings }, "policy status");
    else this.log.info({ policy, currentStatus, reason, warnings }, "policy status");
  }

  #checkAge(): void {
    const stale = this.#isStale();
    if (stale && this.#snapshot.closed === undefined) {
      this.log.error(
        { maxStaleMs: this.config.maxStaleMs, resources: this.resources() },
        "policy and endpoints are older than max-stale; everybody is refused",
      );
      this.#publish(this.#closedSnapshot("stale-snapshot"));
    } else if (!stale && this.#snapshot.closed === "stale-snapshot" && this.#world !== undefined) {
      this.#publish(this.#compile(this.#world.world, this.#world.services));
    }
  }

  #isStale(): boolean {
    const { maxStaleMs } = this.config;
    if (maxStaleMs === undefined) return false;
    return this.resources().some(
      (resource) => resource.freshAt !== undefined && Date.now() - resource.freshAt > maxStaleMs,
    );
  }
}

/** This process by the names of OpenTelemetry's semantic conventions. */
function selfOf({ namespace, podName, podIp }: Config): Readonly<Record<string, string>> {
  return {
    "service.namespace": namespace,
    "k8s.namespace.name": namespace,
    ...(podName !== undefined && { "k8s.pod.name": podName }),
    ...(podIp !== undefined && { "k8s.pod.ip": podIp }),
  };
}

/**
 * Loads the source of policy that is configured and nothing of the other, of which each brings a package along.
 *
 * @param env where a pod finds its API server (`KUBERNETES_SERVICE_HOST`, `KUBERNETES_SERVICE_PORT`)
 * @throws ManifestsError and what the sources of policy reject
 */
export async function createDiscovery(
  config: Config,
  log: Log,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Discovery> {
  const { discovery, namespace, services, podIp, podName, meshName, maxStaleMs } = config;
  const self = { namespace, log, ...(services !== undefined && { services }), ...(podIp !== undefined && { podIp }) };
  if (discovery.kind === "manifests") {
    const { ManifestsDiscovery } = await import("./discovery/manifests/manifests-discovery.ts");
    return new ManifestsDiscovery({ ...self, directory: discovery.directory });
  }
  if (maxStaleMs !== undefined && maxStaleMs < LEAST_CLUSTER_MAX_STALE_MS)
    log.warn(
      { maxStaleMs },
      "max-stale is shorter than the API server's own silence between bookmarks: everybody will be refused now and then; use 2m or more",
    );
  const { resolveCredentials } = await import("./discovery/kubernetes/api-credentials.ts");
  const { createKubernetesDiscovery } = await import("./discovery/kubernetes/kubernetes-discovery.ts");
  const credentials = await resolveCredentials({
    ...(discovery.kubeconfig !== undefined && { kubeconfig: discovery.kubeconfig }),
    env,
    warn: (message) => log.warn({}, message),
  });
  log.info(
    { server: credentials.server.href, origin: credentials.origin },
    "policy comes from a Kubernetes API server",
  );
  return createKubernetesDiscovery({
    ...self,
    credentials,
    ...(podName !== undefined && { podName }),
    ...(meshName !== undefined && { meshName }),
  });
}
