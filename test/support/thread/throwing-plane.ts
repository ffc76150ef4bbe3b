/** A data plane of one thread in which callbacks can be made to throw, with the applications behind it. */
import { BroadcastChannel } from "node:worker_threads";
import { DEFAULT_LIMITS, type Limits } from "../../../src/config/config.ts";
import { compile } from "../../../src/policy/compile/compile.ts";
import { backendPort, type BackendSpec } from "../../../src/policy/model.ts";
import { startDataPlane, type DataPlane } from "../../../src/proxy/control/data-plane.ts";
import { checkCredentials } from "../../../src/tls/credentials/check-credentials.ts";
import { startTcpApplication } from "../application/application.ts";
import { provokeStream, startProvokingH2c, startProvokingHttp } from "../application/provoking.ts";
import { startUnanswering } from "../application/unanswering.ts";
import { GATEWAY_NAME, TestMesh } from "../mesh/mesh.ts";
import type { LogLine } from "../process/log-lines.ts";
import { freePorts } from "../process/ports.ts";
import { until } from "../until.ts";
import { PLANTED_THROWS, type PlantedThrow } from "./planted-throws.ts";
import { linesIn, UNHEARD } from "./traffic.ts";

/** Only a fault takes longer. */
const LIMIT_MS = 45_000;

/** Backend ports. */
export const PORT = {
  http: 80,
  h2c: 81,
  stream: 82,
  tls: 83,
  streamNowhere: 84,
  httpNowhere: 85,
  h2cNowhere: 86,
} as const;

const LIMITS: Partial<Limits> = {
  handshakeTimeoutMs: 700,
  connectTimeoutMs: 500,
  headerTimeoutMs: 1_000,
  revokeGraceMs: 500,
};

export class ThrowingPlane implements AsyncDisposable {
  readonly plane: DataPlane;
  readonly mesh: TestMesh;
  readonly lines: LogLine[] = [];
  readonly problems: string[] = [];
  readonly lost: string[] = [];
  readonly #ports: ReadonlyMap<number, number>;
  readonly #channel = new BroadcastChannel(PLANTED_THROWS);
  readonly #thrown: string[] = [];
  readonly #armed: string[] = [];
  readonly #owned: AsyncDisposableStack;
  #version = 1;
  #waiting: (() => void)[] = [];

  private constructor(
    plane: DataPlane,
    mesh: TestMesh,
    ports: ReadonlyMap<number, number>,
    owned: AsyncDisposableStack,
  ) {
    this.plane = plane;
    this.mesh = mesh;
    this.#ports = ports;
    this.#owned = owned;
    this.#channel.addEventListener("message", (event) => {
      const message = (event as Event & { readonly data: PlantedThrow }).data;
      if (message.kind === "armed") this.#armed.push(message.callback);
      if (message.kind === "thrown") this.#thrown.push(message.callback);
      this.changed();
    });
  }

  static async start(limits: Partial<Limits> = {}): Promise<ThrowingPlane> {
    const owned = new AsyncDisposableStack();
    const mesh = await TestMesh.create();
    const http = owned.use(await startProvokingHttp());
    const h2c = owned.use(await startProvokingH2c());
    const stream = owned.use(await startTcpApplication(provokeStream));
    const nowhere = owned.use(await startUnanswering());
    const apps = new Map<number, number>([
      [PORT.http, http.port],
      [PORT.h2c, h2c.port],
      [PORT.stream, stream.port],
      [PORT.tls, http.port],
      [PORT.streamNowhere, nowhere.port],
      [PORT.httpNowhere, nowhere.port],
      [PORT.h2cNowhere, nowhere.port],
    ]);
    const listen = await freePorts(apps.size);
    const ports = new Map([...apps.keys()].map((port, index) => [port, listen[index]!]));
    const paths = { cert: "tls.crt", key: "tls.key", ca: "ca.crt" };
    const texts = { cert: mesh.own.certPem, key: mesh.own.keyPem, ca: mesh.own.caPem };
    let started: ThrowingPlane | undefined;
    const plane = await startDataPlane(
      {
        backends: [...apps].map(([port, app]) => ({
          port: backendPort(port),
          listen: { host: "127.0.0.1", port: ports.get(port)! },
          app: { host: "127.0.0.1", port: app },
          ...((port === PORT.h2c || port === PORT.h2cNowhere) && { forward: "h2c" as const }),
          ...((port === PORT.stream || port === PORT.streamNowhere) && { forward: "stream" as const }),
        })),
        limits: { ...DEFAULT_LIMITS, ...LIMITS, ...limits },
        workers: 1,
        clientCertHeader: "strip",
        accessLog: true,
        logLevel: "info",
        snapshot: snapshotFor(1, "127.0.0.0/8"),
        credentials: checkCredentials(paths, texts, 1, Date.now()),
        threadEntry: new URL("./throwing-thread.ts", import.meta.url),
      },
      {
        ...UNHEARD,
        onLines: (batch, taken) => {
          taken();
          started?.lines.push(...linesIn(batch));
          started?.changed();
        },
        onThreadLost: ({ cause }) => started?.lost.push(cause.message),
        onThreadStuck: () => started?.lost.push("stuck"),
        onThreadLagging: () => started?.lost.push("lagging"),
        onProblem: (_thread, message) => {
          started?.problems.push(message);
          started?.changed();
        },
      },
    );
    started = new ThrowingPlane(plane, mesh, ports, owned);
    return started;
  }

  /** Where a backend port is listened on. */
  port(backend: number): number {
    return this.#ports.get(backend)!;
  }

  /** The next call of `callback` throws. Resolves when the thread knows. */
  async arm(callback: string, fresh = false): Promise<void> {
    const before = this.#armed.length;
    this.#channel.postMessage({ kind: "arm", callback, fresh } satisfies PlantedThrow);
    await this.until(() => this.#armed.length > before, `armed: ${callback}`);
  }

  async thrown(callback: string): Promise<void> {
    await this.until(() => this.#thrown.includes(callback), `thrown: ${callback}`);
  }

  /** Lets the given addresses in and nobody else, and waits until that is in force. */
  async admitOnly(range: string): Promise<void> {
    this.#version += 1;
    this.plane.publish(snapshotFor(this.#version, range));
    await this.until(() => this.plane.appliedVersion() === this.#version, "applied", 25);
  }

  /** Resolves when as many connections as this are there, and each of HTTP has a request on it. */
  async connected(count: number): Promise<void> {
    await until(`${count} connections`, async () => {
      const { told: rows } = await this.plane.connections();
      return rows.length === count && rows.every(({ port, requests }) => port === PORT.stream || requests > 0);
    });
  }

  /** @param pollMs where no event tells of it */
  async until(condition: () => boolean, what: string, pollMs = 1_000): Promise<void> {
    const deadline = performance.now() + LIMIT_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`not within ${LIMIT_MS / 1_000} s: ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    await this.plane.close();
    await this.#owned.disposeAsync();
  }
}

function snapshotFor(version: number, range: string) {
  const backends: BackendSpec[] = Object.values(PORT).map((number) => ({
    name: "foo",
    port: { number, protocol: number === PORT.tls ? "https" : "http" },
    ...(number === PORT.tls && { tls: { skipClientCertValidation: false } }),
  }));
  const policies = backends.map((backend) => ({
    name: `ib-${backend.port.number}`,
    namespace: "test",
    backends: [backend],
    sources: [
      { kind: "IPRange", name: range },
      ...(backend.port.number === PORT.tls ? [{ kind: "AuthenticatedPrincipal", name: GATEWAY_NAME }] : []),
    ],
    hasMatches: false,
  }));
  const world = {
    policies,
    invalidPolicies: [],
    services: new Map(),
    endpoints: new Map(),
    namespaces: new Map(),
  };
  return compile(world, { namespace: "test", services: ["foo"] }, version);
}
