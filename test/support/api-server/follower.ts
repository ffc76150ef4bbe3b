/** A Kubernetes discovery under test, with the compiler behind it as in the sidecar: what it brought in, and what it said. */
import type { ResourceHealth } from "../../../src/discovery/discovery.ts";
import {
  createKubernetesDiscovery,
  type KubernetesDiscovery,
  type KubernetesDiscoveryOptions,
} from "../../../src/discovery/kubernetes/kubernetes-discovery.ts";
import type { KubernetesTiming } from "../../../src/api-server/timing.ts";
import { authorize } from "../../../src/policy/authorize.ts";
import { compile } from "../../../src/policy/compile/compile.ts";
import type { World } from "../../../src/policy/model.ts";
import { sharedStatuses } from "../../../src/policy/explain/policy-statuses.ts";
import { supposing } from "../../../src/policy/service-state.ts";
import { CLOSED, type Snapshot } from "../../../src/policy/snapshot.ts";
import { peerAddress } from "../../../src/policy/address/peer-address.ts";
import { backendPort } from "../../../src/policy/model.ts";

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly event?: string;
  readonly resource?: string;
}

/** Waits that a test can sit out; everything else is as in production. */
export const FAST: Partial<KubernetesTiming> = {
  backoffBaseMs: 20,
  backoffCapMs: 200,
  forbiddenGraceMs: 300,
  absentConfirmMs: 300,
  absentCheckMs: 200,
  optionalCheckMs: 200,
};

export type FollowerOptions = Pick<KubernetesDiscoveryOptions, "credentials"> & Partial<KubernetesDiscoveryOptions>;

export class Follower implements AsyncDisposable {
  readonly discovery: KubernetesDiscovery;
  readonly lines: LogLine[] = [];
  readonly #namespace: string;
  readonly #meshName: string | undefined;
  readonly #podName: string | undefined;
  readonly #waiting = new Set<() => void>();
  /** Every world so far. */
  readonly worlds: World[] = [];
  snapshot: Snapshot = CLOSED;
  services: readonly string[] = [];

  constructor(options: FollowerOptions) {
    this.#namespace = options.namespace ?? "test";
    this.#meshName = options.meshName;
    this.#podName = options.podName;
    const { podIps, services = podIps === undefined ? ["foo"] : undefined } = options;
    const take = (level: LogLine["level"]) => (fields: object, message: string) => {
      this.lines.push({ level, message, ...fields });
      this.#wake();
    };
    this.discovery = createKubernetesDiscovery({
      namespace: this.#namespace,
      log: { info: take("info"), warn: take("warn"), error: take("error") },
      ...options,
      ...(services !== undefined && { services }),
      timing: { ...FAST, ...options.timing },
      statusTiming: { settleMs: 10, spreadMs: 100, ...options.statusTiming },
    });
  }

  static async start(options: FollowerOptions): Promise<Follower> {
    const follower = new Follower(options);
    await follower.start();
    return follower;
  }

  async start(): Promise<void> {
    await this.discovery.start({
      onWorld: (world, services) => {
        this.worlds.push(world);
        this.services = services;
        const self = {
          namespace: this.#namespace,
          services,
          ...(this.#meshName !== undefined && { meshName: this.#meshName }),
          ...(this.#podName !== undefined && { podName: this.#podName }),
        };
        this.snapshot = compile(world, self, this.snapshot.version + 1);
        this.discovery.publishStatuses(sharedStatuses(supposing(this.snapshot)));
        this.#wake();
      },
    });
  }

  /** What a plaintext connection from this address would meet. */
  allows(address: string, port = 80): boolean {
    return authorize(this.snapshot, backendPort(port), { address: peerAddress(address) }).verdict === "forward";
  }

  health(resource: string): ResourceHealth | undefined {
    return this.discovery.health().find((health) => health.resource.includes(resource));
  }

  /** Summed over all resources. */
  counted(event: string): number {
    return [...this.discovery.counts().events.values()].reduce((sum, events) => sum + (events[event] ?? 0), 0);
  }

  failures(kind: string): number {
    return [...this.discovery.counts().failures.values()].reduce((sum, kinds) => sum + (kinds[kind] ?? 0), 0);
  }

  said(pattern: RegExp): LogLine | undefined {
    return this.lines.find(({ message }) => pattern.test(message));
  }

  /** @throws with what was there instead, when it did not come true in time */
  async until(what: string, isTrue: () => boolean, withinMs = 20_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!isTrue()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`${what}: not within ${withinMs} ms; ${this.#describe()}`);
      await this.#change(Math.min(leftMs, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.discovery.stop();
  }

  /** The next thing that happened here, or a while for what makes no noise (counters, health). */
  async #change(atMostMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = setTimeout(resolve, atMostMs);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  #describe(): string {
    const { version, rules, statuses } = this.snapshot;
    const rulesText = [...rules.values()].map(({ port, state }) => `${port} ${state}`).join(", ");
    const lines = this.lines.slice(-8).map(({ message }) => message);
    return JSON.stringify({ version, rulesText, statuses, health: this.discovery.health(), lines }, undefined, 1);
  }
}
