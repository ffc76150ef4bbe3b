/**
 * An implementation as a process: it is told by its environment where everything is (README.md), and is known to have
 * taken a case over when it lets in a caller that only this case's objects let in.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TestApplication } from "../test/support/application/application.ts";
import { backend, namespaceObject, policy, service, slice, type Manifest } from "../test/support/mesh/objects.ts";
import { freePorts } from "../test/support/process/ports.ts";
import type { World } from "./adapters/world.ts";
import type { Callers } from "./callers.ts";
import { POD } from "./cases.ts";
import type { Subject } from "./play-case.ts";

/** A backend port of the pod that no case names. */
const SETTLED_PORT = 65_000;
const LOOK_EVERY_MS = 10;
const MONITORED_LABEL = "openservicemesh.io/monitored-by";

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
  readonly #child: ChildProcess;
  readonly #ports: ReadonlyMap<number, number>;
  #cases = 0;

  private constructor(options: TriedProcessOptions, child: ChildProcess, ports: ReadonlyMap<number, number>) {
    this.application = options.application;
    this.#options = options;
    this.#child = child;
    this.#ports = ports;
  }

  static async start(options: TriedProcessOptions): Promise<TriedProcess> {
    const { command, directory, world, callers, application, meshName } = options;
    const backends = [...options.ports, SETTLED_PORT];
    const free = await freePorts(backends.length);
    const ports = new Map(backends.map((port, index) => [port, free[index] ?? 0]));
    const own = await callers.mesh.issue({ sans: ["dns:foo.test.cluster.local"] });
    const files = { "tls.crt": own.certPem, "tls.key": own.keyPem, "ca.crt": callers.mesh.certPem };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const [file, ...args] = command;
    const child = spawn(file, args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...process.env,
        ...world.env,
        CONFORMANCE_NAMESPACE: POD.namespace,
        CONFORMANCE_SERVICES: POD.services.join(","),
        CONFORMANCE_BACKENDS: [...ports].map(([port, listen]) => `${port}=127.0.0.1:${listen}`).join(","),
        CONFORMANCE_APPLICATION: `127.0.0.1:${application.port}`,
        CONFORMANCE_TLS_CERT: join(directory, "tls.crt"),
        CONFORMANCE_TLS_KEY: join(directory, "tls.key"),
        CONFORMANCE_TLS_CA: join(directory, "ca.crt"),
        ...(meshName !== undefined && { CONFORMANCE_MESH_NAME: meshName }),
      },
    });
    await once(child, "spawn");
    return new TriedProcess(options, child, ports);
  }

  port(backendPort: number): number {
    return this.#ports.get(backendPort) ?? 0;
  }

  async apply(objects: readonly Manifest[]): Promise<void> {
    this.#cases += 1;
    const { callers, meshName, settleMs } = this.#options;
    const known = { from: `127.254.${this.#cases >> 8}.${this.#cases & 255}` };
    await this.#options.world.put([...objects, ...settledBy(known.from, meshName)]);
    const deadline = performance.now() + settleMs;
    while (!("status" in (await callers.call(known, this.port(SETTLED_PORT))))) {
      if (this.#child.exitCode !== null) throw new Error(`the implementation has ended with ${this.#child.exitCode}`);
      if (performance.now() > deadline)
        throw new Error(
          `${known.from}, which a policy and an EndpointSlice let in on port ${SETTLED_PORT}, was not let in within ${settleMs / 1000} s`,
        );
      await delay(LOOK_EVERY_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
