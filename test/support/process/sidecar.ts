/** A real `postern run` process, from a directory of manifests that the test may edit. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { KeyPair } from "../mesh/authority.ts";
import { LogLines, type LogLine } from "./log-lines.ts";
import { namespaceObject, type Manifest } from "../mesh/objects.ts";
import { freePorts } from "./ports.ts";
import { until } from "../until.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");

export interface TestBackend {
  /** The backend port that policies name; 80 unless told. */
  readonly port?: number;
  /** Port of the application on 127.0.0.1. */
  readonly app: number;
  readonly forward?: "http" | "h2c" | "stream";
}

export interface SidecarOptions {
  /** `undefined` where the flags say where policy comes from. */
  readonly manifests: readonly Manifest[] | undefined;
  /** A free one unless told. */
  readonly adminPort?: number;
  readonly backends: readonly TestBackend[];
  readonly tls?: KeyPair & { readonly caPem: string; readonly crlPem?: string };
  readonly namespace?: string;
  /** Services that the pod backs; `foo` unless told. */
  readonly services?: readonly string[];
  /** More command-line arguments. */
  readonly flags?: readonly string[];
  /** Threads; one unless told. */
  readonly workers?: number;
  /** What is started; `src/main.ts` unless told. */
  readonly main?: string;
  /** Where its lines go, and from where they are read; a pipe that is read all the time unless told. */
  readonly stdout?: { readonly fd: number; readonly reader: Readable };
  /** Beside the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export class TestSidecar implements AsyncDisposable {
  readonly log: LogLines;
  readonly child: ChildProcess;
  readonly directory: string;
  readonly adminPort: number;
  readonly #ports: ReadonlyMap<number, number>;
  #revision = 0;
  readonly #exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  constructor(
    child: ChildProcess,
    directory: string,
    adminPort: number,
    ports: ReadonlyMap<number, number>,
    stdout: Readable,
  ) {
    this.child = child;
    this.directory = directory;
    this.adminPort = adminPort;
    this.#ports = ports;
    this.log = new LogLines([stdout, child.stderr!]);
    this.#exited = once(child, "exit").then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    }));
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Where a backend port is listened on, on 127.0.0.1. */
  port(backend = 80): number {
    const port = this.#ports.get(backend);
    if (port === undefined) throw new RangeError(`no backend ${backend}`);
    return port;
  }

  /** Resolves when `/readyz` is 200. */
  async ready(): Promise<void> {
    await this.log.next({ message: "snapshot published" });
    await until("the sidecar is ready", async () => {
      assert.ok(this.running, `the sidecar has ended:\n${this.log.toString()}`);
      const answer = await this.admin("/readyz").catch(() => undefined);
      return answer?.status === 200;
    });
  }

  admin(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.adminPort}${path}`);
  }

  async adminJson<Shape>(path: string): Promise<Shape> {
    const response = await this.admin(path);
    return (await response.json()) as Shape;
  }

  /** The log's lines of threads that had to be replaced. */
  threadsLost(): readonly LogLine[] {
    return this.log.all({ message: "data-plane thread lost; it is replaced" });
  }

  /** Replaces the manifests as an editor does, and waits until they are in force in every thread. */
  async apply(manifests: readonly Manifest[]): Promise<void> {
    const from = this.log.lines.length;
    this.#revision += 1;
    // Objects that are those of before publish nothing: something must differ to be waited for.
    const revision = namespaceObject(`revision-${this.#revision}`);
    writeManifests(join(this.directory, "manifests"), [...manifests, revision]);
    await this.snapshotInForce(from);
  }

  /** @param from line of the log from which on the snapshot is published */
  async snapshotInForce(from: number): Promise<void> {
    const published = await this.log.next({ message: "snapshot published" }, { from });
    await until(
      "every thread judges by it",
      async () => (await this.#appliedVersion()) >= Number(published["version"]),
    );
  }

  async #appliedVersion(): Promise<number> {
    const text = await (await this.admin("/metrics")).text();
    return Number(/^postern_snapshot_applied_version (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** @returns the exit code */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return (await this.exited()).code;
  }

  exited(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.child.kill("SIGKILL");
    await this.#exited;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts and waits until it is ready to serve. */
export async function startSidecar(options: SidecarOptions): Promise<TestSidecar> {
  const sidecar = await spawnSidecar(options);
  try {
    await sidecar.ready();
  } catch (error) {
    await sidecar[Symbol.asyncDispose]();
    throw error;
  }
  return sidecar;
}

/** Starts without waiting, for tests of what comes before readiness. */
export async function spawnSidecar(options: SidecarOptions): Promise<TestSidecar> {
  const directory = mkdtempSync(join(tmpdir(), "postern-test-"));
  const manifests = join(directory, "manifests");
  mkdirSync(manifests);
  writeManifests(manifests, options.manifests ?? []);
  const [freePort = 0, ...listenPorts] = await freePorts(options.backends.length + 1);
  const { adminPort = freePort } = options;
  const ports = new Map(options.backends.map(({ port = 80 }, index) => [port, listenPorts[index] ?? 0]));
  const argv = [
    options.main ?? MAIN,
    "run",
    ...(options.manifests === undefined ? [] : [`--manifests=${manifests}`]),
    `--namespace=${options.namespace ?? "test"}`,
    ...(options.services ?? ["foo"]).map((name) => `--service=${name}`),
    ...options.backends.map((backend) => `--backend=${backendFlag(backend, ports)}`),
    `--admin=127.0.0.1:${adminPort}`,
    `--workers=${options.workers ?? 1}`,
    ...(options.flags?.some((flag) => flag.startsWith("--drain-delay")) === true ? [] : ["--drain-delay=0s"]),
    ...tlsFlags(directory, options.tls),
    ...(options.flags ?? []),
  ];
  const child = spawn(process.execPath, argv, {
    stdio: ["ignore", options.stdout?.fd ?? "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  return new TestSidecar(child, directory, adminPort, ports, options.stdout?.reader ?? child.stdout!);
}

function backendFlag({ port = 80, app, forward }: TestBackend, ports: ReadonlyMap<number, number>): string {
  const mode = forward === undefined ? "" : `,forward=${forward}`;
  return `port=${port},listen=127.0.0.1:${ports.get(port)},app=127.0.0.1:${app}${mode}`;
}

function tlsFlags(directory: string, tls: SidecarOptions["tls"]): readonly string[] {
  if (tls === undefined) return [];
  const { certPem, keyPem, caPem, crlPem } = tls;
  writeCredentials(directory, { certPem, keyPem, caPem });
  const crl = join(directory, "crl.pem");
  if (crlPem !== undefined) writeFileSync(crl, crlPem);
  return [
    `--tls-cert=${join(directory, "tls.crt")}`,
    `--tls-key=${join(directory, "tls.key")}`,
    `--tls-ca=${join(directory, "ca.crt")}`,
    ...(crlPem === undefined ? [] : [`--tls-crl=${crl}`]),
  ];
}

/** The three files beside each other, as a running sidecar reads them. */
export function writeCredentials(directory: string, files: KeyPair & { readonly caPem: string }): void {
  writeFileSync(join(directory, "tls.crt"), files.certPem);
  writeFileSync(join(directory, "tls.key"), files.keyPem);
  writeFileSync(join(directory, "ca.crt"), files.caPem);
}

/** As an editor does it: a new file takes the place of the old one. JSON is YAML. */
export function writeManifests(directory: string, manifests: readonly Manifest[]): void {
  const draft = join(directory, ".objects.yaml.new");
  writeFileSync(draft, manifestText(manifests));
  renameSync(draft, join(directory, "objects.yaml"));
}

export function manifestText(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => JSON.stringify(manifest)).join("\n---\n");
}
