/**
 * The control side, put together: discovery feeds the compiler, the compiler feeds the data plane, credentials follow
 * their files, and everything that may change while it runs is here. The only file that knows every part.
 */
import { setTimeout as delay } from "node:timers/promises";
import { chooseCredentials } from "./choose-credentials.ts";
import type { Config } from "./config/config.ts";
import { CurrentSnapshot } from "./current-snapshot.ts";
import type { Discovery, DiscoveryCounts, ResourceHealth } from "./discovery/discovery.ts";
import type { EarlyWorkers } from "./early-workers.ts";
import { backendStates } from "./policy/backend-state.ts";
import { WORDS_OF_DRAIN, wordsOfCertificate, wordsOfSnapshot } from "./policy/closed-words.ts";
import type { ServiceState } from "./policy/service-state.ts";
import type { Snapshot } from "./policy/snapshot.ts";
import { describeLag } from "./proxy/control/applied-state.ts";
import { startDataPlane, type DataPlane } from "./proxy/control/data-plane.ts";
import { StateReport } from "./report/state-report.ts";
import type { Log } from "./telemetry/log.ts";
import type { LogOutput } from "./telemetry/log-output.ts";
import { startSpans, type Spans } from "./telemetry/spans.ts";
import { CODE_OF_FAULT, ownCertificate, type CredentialsFault } from "./tls/credentials/credentials-life.ts";
import type { Credentials } from "./tls/credentials.ts";
import { OwnCredentials } from "./tls/credentials/own-credentials.ts";

/** How often time is asked what it has changed: the age of the data, our certificate, an audit, a lagging thread. */
const LOOK_MS = 1_000;

/**
 * Bound on the end of the process after its drain. The drain delay, the drain deadline, what a drain may take beyond it
 * (`DRAIN_SLACK_MS`) and this stay below the pod's `terminationGracePeriodSeconds`: the kubelet kills what is late.
 */
export const LONGEST_CLOSE_MS = 5_000;

/** What keeps the sidecar from being ready; empty when it is. With code and words of explanations and metrics, where there are any. */
export type Unready =
  | "starting"
  | "waiting for the listeners"
  | `${NonNullable<Snapshot["closed"]>}: ${string}`
  | `${(typeof CODE_OF_FAULT)[CredentialsFault]}: ${string}`
  | `thread-lagging: ${string}`
  | `port ${number} is closed: no-credentials: ${string}`
  | `draining: ${typeof WORDS_OF_DRAIN}`;

/** What a sidecar is given by the process that it runs in. */
export interface SidecarProcess {
  /** Where a pod finds its API server, for a certificate that is asked for there. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly earlyWorkers?: EarlyWorkers;
}

export class Sidecar {
  readonly config: Config;
  readonly auditUntil: number | undefined;
  readonly log: Log;
  readonly #output: LogOutput;
  readonly #discovery: Discovery;
  readonly #process: SidecarProcess;
  readonly #report: StateReport;
  readonly #current: CurrentSnapshot;
  #dataPlane: DataPlane | undefined;
  #credentials: OwnCredentials | undefined;
  #spans: Spans | undefined;
  readonly #drained = Promise.withResolvers<void>();
  #lookTimer: NodeJS.Timeout | undefined;
  #drain: ServiceState["drain"];
  readonly #broken = Promise.withResolvers<void>();

  /**
   * @param output of the log, for the lines of the threads
   */
  constructor(
    config: Config,
    { log, output }: { readonly log: Log; readonly output: LogOutput },
    discovery: Discovery,
    process: SidecarProcess = {},
  ) {
    this.config = config;
    this.#process = process;
    this.log = log;
    this.#output = output;
    this.#discovery = discovery;
    this.auditUntil = endOfAudit(config);
    this.#current = new CurrentSnapshot({
      config,
      log,
      auditUntil: this.auditUntil,
      resources: () => this.resources(),
      onPublish: (snapshot) => {
        this.#dataPlane?.publish(snapshot);
        this.#look();
      },
    });
    this.#report = new StateReport(log, (statuses) => this.#discovery.publishStatuses?.(statuses));
  }

  /** All that decides on a connection beside its caller, as it is at this moment. */
  get state(): ServiceState {
    const threads = this.#dataPlane?.threads();
    const listening = threads === undefined || threads.some((thread) => thread.listening);
    const lags = (threads ?? []).flatMap(({ thread, lag }) =>
      lag === undefined ? [] : [`data-plane thread ${thread} ${describeLag(lag)}`],
    );
    const brokenManifest = this.resources().find(({ brokenFiles }) => brokenFiles !== undefined)?.failure;
    return {
      snapshot: this.snapshot,
      certificate: ownCertificate(this.credentials, this.credentialProblem),
      now: Date.now(),
      listeners: new Set(listening ? this.config.backends.map(({ port }) => port) : []),
      ...(this.#drain !== undefined && { drain: this.#drain }),
      lags,
      ...(brokenManifest !== undefined && { brokenManifest }),
    };
  }

  get snapshot(): Snapshot {
    return this.#current.snapshot;
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

  get draining(): boolean {
    return this.#drain !== undefined;
  }

  get drained(): Promise<void> {
    return this.#drained.promise;
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
    if (this.#drain !== undefined) reasons.push(`draining: ${WORDS_OF_DRAIN}`);
    if (this.#dataPlane === undefined) reasons.push("starting");
    else if (!this.#dataPlane.threads().every((thread) => thread.listening)) reasons.push("waiting for the listeners");
    const { lags = [], certificate } = this.state;
    for (const lag of lags) reasons.push(`thread-lagging: ${lag}`);
    const fault = this.#credentials?.fault;
    if (fault !== undefined) {
      const code = CODE_OF_FAULT[fault];
      reasons.push(`${code}: ${wordsOfCertificate(certificate, code)}`);
    } else
      for (const { port, reason, detail } of backendStates(this.state))
        if (reason === "no-credentials") reasons.push(`port ${port} is closed: no-credentials: ${detail}`);
    const { closed } = this.snapshot;
    if (closed !== undefined) reasons.push(`${closed}: ${wordsOfSnapshot(this.snapshot)}`);
    return reasons;
  }

  /** @throws CredentialsError, ListenError, ManifestsError: what an operator must mend before anything is served */
  async start(): Promise<void> {
    const { config, log } = this;
    const { env = {}, earlyWorkers } = this.#process;
    this.#announceAudit();
    if (config.tls === undefined) log.warn({}, "no certificate is configured: https backends stay closed");
    else this.#credentials = await OwnCredentials.read(await chooseCredentials(config, config.tls, log, env), log);
    if (config.tracing !== undefined)
      this.#spans = await startSpans({ ...config.tracing, resource: selfOf(config), log });
    await this.#discovery.start({ onWorld: (world, services) => this.#current.discovered(world, services) });
    const { snapshot } = this;
    this.#dataPlane = await startDataPlane(
      {
        ...config,
        snapshot,
        credentials: this.credentials,
        ...(earlyWorkers !== undefined && { earlyWorker: (thread) => earlyWorkers.take(thread) }),
      },
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
        onResumptionEnded: () =>
          log.warn(
            {},
            "client certificates come with intermediates that --tls-ca does not have: no TLS session is resumed; add them to resume sessions",
          ),
        onProblem: (thread, problem) => log.warn({ thread, problem }, "data plane problem"),
      },
    );
    for (const { port, listen, listenByDefault, app, forward } of this.#dataPlane.backends) {
      if (listenByDefault === true && listen.host === "0.0.0.0")
        log.warn({ port, listen }, "this machine has no IPv6: the default listener takes IPv4 only");
      log.info({ port, listen, app, forward }, "backend listens");
    }
    // Discovered while the threads started.
    if (this.snapshot !== snapshot) this.#dataPlane.publish(this.snapshot);
    this.#look();
    this.#credentials?.follow((credentials) => {
      this.#dataPlane?.setCredentials(credentials);
      this.#look();
    });
    this.#lookTimer = setInterval(() => {
      if (config.maxStaleMs !== undefined) this.#current.checkAge();
      this.#look();
    }, LOOK_MS).unref();
  }

  #announceAudit(): void {
    if (this.auditUntil === undefined) return;
    const facts = { auditUntil: new Date(this.auditUntil).toISOString() };
    if (this.auditUntil > Date.now())
      this.log.warn(facts, "audit: what address or name would refuse is forwarded and counted until then");
    else this.log.warn(facts, "the audit of --enforcement has ended: policy is enforced");
  }

  /** Readiness fails at once; listeners stay for the drain delay, then what is in flight may finish. */
  async drain(): Promise<{ readonly cut: number }> {
    const { drainDelayMs, drainDeadlineMs } = this.config;
    this.#drain = "announced";
    this.log.info({ drainDelayMs, drainDeadlineMs }, "draining");
    this.#look();
    await new Promise((resolve) => setTimeout(resolve, drainDelayMs));
    this.#drain = "closing";
    const result = (await this.#dataPlane?.drain({ deadlineMs: drainDeadlineMs })) ?? { cut: 0 };
    this.log.info(result, "drained");
    this.#drained.resolve();
    return result;
  }

  /** Ends everything; returns after `withinMs` at the latest, whatever has not ended by then. */
  async close(withinMs = LONGEST_CLOSE_MS): Promise<void> {
    clearInterval(this.#lookTimer);
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

  /** What is told to be open is listened on. */
  #look(): void {
    if (this.#dataPlane === undefined) return;
    this.#report.look(this.state);
  }
}

/** Milliseconds since the epoch. A duration begins with the process. */
function endOfAudit({ enforcement }: Config): number | undefined {
  if (enforcement.mode === "enforce") return undefined;
  return "until" in enforcement ? enforcement.until : Date.now() + enforcement.forMs;
}

/** This process by the names of OpenTelemetry's semantic conventions. */
function selfOf({ namespace, podName, podIps: [podIp] }: Config): Readonly<Record<string, string>> {
  return {
    "service.namespace": namespace,
    "k8s.namespace.name": namespace,
    ...(podName !== undefined && { "k8s.pod.name": podName }),
    ...(podIp !== undefined && { "k8s.pod.ip": podIp }),
  };
}
