/**
 * An implementation as a process: it is told by its environment where everything is (README.md), and is known to have
 * taken a case over when it lets in a caller that only this case's objects let in.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TestApplication } from "../test/support/application/application.ts";
import { backend, namespaceObject, policy, service, slice, type Manifest } from "../test/support/mesh/objects.ts";
import { freePorts } from "../test/support/process/ports.ts";
import type { World } from "./adapters/world.ts";
import type { Callers } from "./callers.ts";
import { POD } from "./cases.ts";
import { Command } from "./command.ts";
import { APPLICATION_BODY, type Subject } from "./play-case.ts";

/** A backend port of the pod that no case names. */
const SETTLED_PORT = 65_000;
const LOOK_EVERY_MS = 10;
/** What the last look gets, however little is left: what it saw is told. */
const LAST_LOOK_MS = 1000;
const MONITORED_LABEL = "openservicemesh.io/monitored-by";
/** Cases in a row that were not taken over, each of which has cost the whole of its time. */
const GIVE_UP_AFTER = 5;
/** Between the end of a process's connections and the news of its own. */
const END_SHOWS_MS = 300;

/**
 * Lets an address in once the policy, the slice and the namespace are in force: an implementation that follows an API server
 * may learn of each kind at another time.
 */
function settledBy(address: string, meshName: string | undefined): readonly Manifest[] {
  const labels = meshName === undefined ? {} : { [MONITORED_LABEL]: meshName };
  return [
    namespaceObject("conformance-settled", labels),
    slice("conformance-settled/known", address),
    policy([backend("foo", SETTLED_PORT, "http")], [service("conformance-settled/known")], "test/conformance-settled"),
  ];
}

export interface TriedProcessOptions {
  readonly command: readonly [string, ...string[]];
  /** Holds nothing else. */
  readonly directory: string;
  readonly world: World;
  /** Backend ports that cases name. */
  readonly ports: readonly number[];
  readonly meshName?: string;
  readonly application: TestApplication;
  readonly callers: Callers;
  /** How long it may take to start, and to take a case over. */
  readonly settleMs: number;
}

export class TriedProcess implements Subject, AsyncDisposable {
  readonly application: TestApplication;
  readonly #options: TriedProcessOptions;
  readonly #command: Command;
  readonly #ports: ReadonlyMap<number, number>;
  #cases = 0;
  /** The last ones, in a row. */
  #notTakenOver = 0;

  private constructor(options: TriedProcessOptions, command: Command, ports: ReadonlyMap<number, number>) {
    this.application = options.application;
    this.#options = options;
    this.#command = command;
    this.#ports = ports;
  }

  /** @throws CannotTry when the command cannot be started */
  static async start(options: TriedProcessOptions): Promise<TriedProcess> {
    const { directory, world, callers, application, meshName } = options;
    const backends = [...options.ports, SETTLED_PORT];
    const free = await freePorts(backends.length);
    const ports = new Map(backends.map((port, index) => [port, free[index] ?? 0]));
    const own = await callers.mesh.issue({ sans: ["dns:foo.test.cluster.local"] });
    const files = { "tls.crt": own.certPem, "tls.key": own.keyPem, "ca.crt": callers.mesh.certPem };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const command = await Command.start(options.command, {
      ...world.env,
      CONFORMANCE_NAMESPACE: POD.namespace,
      CONFORMANCE_SERVICES: POD.services.join(","),
      CONFORMANCE_BACKENDS: [...ports].map(([port, listen]) => `${port}=127.0.0.1:${listen}`).join(","),
      CONFORMANCE_APPLICATION: `127.0.0.1:${application.port}`,
      CONFORMANCE_TLS_CERT: join(directory, "tls.crt"),
      CONFORMANCE_TLS_KEY: join(directory, "tls.key"),
      CONFORMANCE_TLS_CA: join(directory, "ca.crt"),
      ...(meshName !== undefined && { CONFORMANCE_MESH_NAME: meshName }),
    });
    return new TriedProcess(options, command, ports);
  }

  port(backendPort: number): number {
    return this.#ports.get(backendPort) ?? 0;
  }

  async apply(objects: readonly Manifest[]): Promise<void> {
    this.#cases += 1;
    const { meshName, settleMs } = this.#options;
    await this.#options.world.put([...objects, ...settledBy(this.#known, meshName)]);
    const deadline = performance.now() + settleMs;
    for (;;) {
      const refused = await this.#refusesKnown(Math.max(deadline - performance.now(), LAST_LOOK_MS));
      if (refused === undefined) break;
      if (this.#command.hasEnded) throw new Error("the implementation has ended");
      if (performance.now() > deadline) {
        this.#notTakenOver += 1;
        throw new Error(
          `${this.#known}, which a policy and an EndpointSlice let in on port ${SETTLED_PORT}, was not let in within ` +
            `${settleMs / 1000} s: got ${refused}`,
        );
      }
      await delay(LOOK_EVERY_MS);
    }
    this.#notTakenOver = 0;
  }

  /** @throws when the caller that showed the case taken over is not let in at once: who has crashed refuses everybody too */
  async checkServing(): Promise<void> {
    const refused = await this.#refusesKnown();
    if (refused === undefined) return;
    throw new Error(
      `${this.#known}, which was let in on port ${SETTLED_PORT} before, is not after this: got ${refused}`,
    );
  }

  /** Why no further case can be tried with it; `undefined` while one can. */
  async isOver(): Promise<string | undefined> {
    const end = await this.#command.end(END_SHOWS_MS);
    if (end !== undefined) return end;
    if (this.#notTakenOver > 0 && this.#cases === 1) return "the implementation has not taken over its first case";
    if (this.#notTakenOver < GIVE_UP_AFTER) return undefined;
    return `the implementation has not taken over ${this.#notTakenOver} cases in a row`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]();
  }

  /** Let in by this case alone. */
  get #known(): string {
    return `127.254.${this.#cases >> 8}.${this.#cases & 255}`;
  }

  /** What the known caller got instead of the application's own answer; `undefined` when that came. */
  async #refusesKnown(withinMs?: number): Promise<string | undefined> {
    const requests = this.application.requests.length;
    const outcome = await this.#options.callers.call({ from: this.#known }, this.port(SETTLED_PORT), withinMs);
    const isAnswer = "status" in outcome && outcome.status === 200 && outcome.body === APPLICATION_BODY;
    return isAnswer && this.application.requests.length === requests + 1 ? undefined : JSON.stringify(outcome);
  }
}
