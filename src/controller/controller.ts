/**
 * The mesh's control plane, put together. Every replica answers webhooks; the one that leads keeps the CA, its bundle, the
 * gateways' certificates and the webhooks' own, and answers certificate requests.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ApiClient } from "../api-server/client.ts";
import { SYSTEM_CLOCK, type Clock } from "../api-server/clock.ts";
import type { ApiCredentials } from "../api-server/credentials.ts";
import { Lease } from "../api-server/lease.ts";
import { Outage } from "../api-server/watch/outage.ts";
import type { ReflectorEnvironment } from "../api-server/watch/reflector-environment.ts";
import { Report } from "../api-server/watch/report.ts";
import { DEFAULT_TIMING } from "../api-server/timing.ts";
import type { Log } from "../telemetry/log.ts";
import type { ControllerConfig } from "./controller-config.ts";
import { HealthServer, type Readiness } from "./health-server.ts";
import { Leader } from "./leader.ts";
import { Leadership } from "./leader/leadership.ts";
import { RepeatedTask } from "./leader/repeated-task.ts";
import { meshNames } from "./names.ts";
import { MeshNamespaces, type NamespaceMarks } from "./namespaces/mesh-namespaces.ts";
import { readObject, secretPlace, secretTexts } from "./objects/owned-objects.ts";
import { tlsTexts } from "./gateway-certificates/kept-certificate.ts";
import { answerPod } from "./webhook/inject-pod-handler.ts";
import { policiesOfNamespace } from "./webhook/policies-of-namespace.ts";
import { validateIngressBackend } from "./webhook/validate-ingress-backend.ts";
import { WebhookServer } from "./webhook/webhook-server.ts";

/** How long a pod waits for its namespace's label to be seen here; the API server has seen it. */
const LABEL_WAIT_MS = 2_000;
/** Between two looks for the first certificate of the webhooks, which the leader issues. */
const FIRST_CERTIFICATE_MS = 500;
/** A webhook that is being answered ends in this time. */
const LAST_ANSWERS_MS = 5_000;

export interface ControllerOptions {
  readonly config: ControllerConfig;
  readonly credentials: ApiCredentials;
  readonly log: Log;
  readonly clock?: Clock;
}

export class Controller {
  readonly #config: ControllerConfig;
  readonly #log: Log;
  readonly #client: ApiClient;
  readonly #namespaces: MeshNamespaces;
  readonly #leadership: Leadership;
  readonly #leader: Leader;
  readonly #webhooks: WebhookServer;
  readonly #webhookCertificate: RepeatedTask;
  readonly #health: HealthServer;
  #ending = false;

  constructor({ config, credentials, log, clock = SYSTEM_CLOCK }: ControllerOptions) {
    const { mesh, replica, leaseDurationMs } = config;
    this.#config = config;
    this.#log = log;
    this.#client = new ApiClient({ credentials, timing: DEFAULT_TIMING });
    const environment: ReflectorEnvironment = {
      client: this.#client,
      clock,
      random: Math.random,
      report: new Report(log, clock),
      timing: DEFAULT_TIMING,
      outage: new Outage(clock, Math.random, DEFAULT_TIMING),
    };
    this.#namespaces = new MeshNamespaces(environment, mesh.name, () => this.#leader.soon());
    this.#leadership = new Leadership({
      lease: new Lease({
        client: this.#client,
        clock,
        namespace: mesh.namespace,
        name: () => meshNames(mesh.name).controller,
        identity: `${replica}_${randomUUID()}`,
        durationMs: leaseDurationMs,
      }),
      clock,
      log,
      durationMs: leaseDurationMs,
      onChange: () => {
        this.#leader.lead(this.#leadership.leads);
        this.#webhookCertificate.soon();
      },
    });
    this.#leader = new Leader({
      config,
      log,
      environment,
      namespaces: this.#namespaces,
      leads: () => this.#leadership.leads,
      onWebhookCertificate: () => this.#webhookCertificate.soon(),
    });
    this.#webhooks = new WebhookServer({
      listen: config.webhook,
      log,
      handlers: {
        "/inject": (request, signal) =>
          answerPod(
            {
              client: this.#client,
              options: config.injection,
              marks: (namespace, ended) => this.#marksOf(namespace, ended),
            },
            request,
            signal,
          ),
        "/validate": (request, signal) =>
          validateIngressBackend(request, (namespace) => policiesOfNamespace(this.#client, namespace, signal)),
      },
    });
    this.#webhookCertificate = new RepeatedTask({
      clock,
      log,
      name: "certificate of the webhooks",
      everyMs: config.everyMs,
      run: (signal) => this.#showCertificate(signal),
    });
    this.#health = new HealthServer(() => this.readiness());
  }

  get healthPort(): number {
    return this.#health.port;
  }

  get webhookPort(): number {
    return this.#webhooks.port;
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#ending) reasons.push("draining");
    if (!this.#webhooks.ready) reasons.push("waiting for the certificate of the webhooks");
    if (!this.#namespaces.synced) reasons.push("waiting for the namespaces of the mesh");
    const { leads, problem } = this.#leadership;
    const problems = { ...(problem !== undefined && { Lease: problem }), ...this.#leader.problems() };
    return { reasons, leads, problems };
  }

  /** Rejects when an address cannot be listened on. */
  async start(): Promise<void> {
    const { health } = this.#config;
    await this.#health.start(health);
    await this.#webhooks.start();
    this.#log.info({ webhooks: this.webhookPort, health: this.healthPort }, "controller listens");
    this.#namespaces.start();
    this.#leader.start();
    this.#webhookCertificate.start();
    this.#leadership.start();
  }

  /** Readiness fails and another replica leads at once; webhooks are answered on while endpoints spread. */
  async stop(): Promise<void> {
    this.#ending = true;
    await this.#leader.stop();
    await this.#leadership.stop();
    await delay(this.#config.drainDelayMs);
    await this.#webhooks.close(LAST_ANSWERS_MS);
    await Promise.all([this.#webhookCertificate.stop(), this.#namespaces.stop(), this.#health.close()]);
    await this.#client.close();
  }

  /** Every replica shows what the leader has put into the Secret. */
  async #showCertificate(signal: AbortSignal): Promise<number | undefined> {
    const { mesh } = this.#config;
    const secret = await readObject(
      this.#client,
      secretPlace(mesh.namespace, meshNames(mesh.name).webhookSecret),
      signal,
    );
    if (secret === undefined) return FIRST_CERTIFICATE_MS;
    this.#webhooks.show(tlsTexts(secretTexts(secret)));
    return undefined;
  }

  async #marksOf(namespace: string, signal: AbortSignal): Promise<NamespaceMarks> {
    for (let waitedMs = 0; waitedMs <= LABEL_WAIT_MS; waitedMs += 50) {
      const marks = this.#namespaces.marks(namespace);
      if (marks !== undefined) return marks;
      signal.throwIfAborted();
      await delay(50, undefined, { signal });
    }
    throw new Error(`the namespace ${namespace} is not known to belong to the mesh ${this.#config.mesh.name}`);
  }
}
