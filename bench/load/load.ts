/**
 * All contenders at once, idle but for the one whose turn it is, a round of each after the other so that a disturbance of
 * the machine hits all: CPU of the proxy a
 * request over keep-alive TLS (HTTP/1.1, and HTTP/2 where it is spoken), CPU of a whole new mTLS connection, and memory of an idle one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueCertificates } from "./certificates.ts";
import { clientOptions, sampleConnections, sampleMemory } from "./connections.ts";
import { CONTENDERS, type Contender, type Ports, type Surroundings } from "./contenders.ts";
import { checkAnswers, checkRefusal, whenReady } from "./correctness.ts";
import { median, residentOf, rounded } from "./measurement.ts";
import { LOAD_CORE, start, type Child } from "./process.ts";
import { table, type Row } from "./report.ts";
import { generator, sampleRequests, type RequestSample } from "./requests.ts";

export interface LoadOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** New mTLS connections a round. */
  readonly connections: number;
  /** Idle connections that memory is measured with. */
  readonly idle: number;
  /** Names of contenders; all when empty. */
  readonly only: readonly string[];
}

interface Running {
  readonly contender: Contender;
  readonly ports: Ports;
  readonly child: Child;
}

const FIRST_PORT = 21_000;

async function startApplication(): Promise<{ readonly child: Child; readonly port: number }> {
  const child = start(LOAD_CORE, process.execPath, [join(import.meta.dirname, "application.ts")]);
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = /listening on (\d+)/.exec(child.output())?.[1];
    if (port !== undefined) return { child, port: Number(port) };
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the application does not start: ${child.output()}`);
}

/** Started, and shown to answer what it should and to refuse whom it should. */
async function startContender(contender: Contender, around: Surroundings, index: number): Promise<Running> {
  const ports = { serverOnly: FIRST_PORT + index * 2, mutual: FIRST_PORT + index * 2 + 1 };
  const child = contender.start(around, ports);
  try {
    await whenReady(child, ports.mutual, around.certificates);
    await checkAnswers(ports.serverOnly, around.certificates, false);
    await checkAnswers(ports.mutual, around.certificates, true);
    if (contender.judgesAddress) await checkRefusal(ports.serverOnly, around.certificates);
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
  return { contender, ports, child };
}

interface Samples {
  readonly requests: RequestSample[];
  /** Empty where HTTP/2 is not spoken. */
  readonly http2: RequestSample[];
  readonly handshakes: number[];
}

/** @throws what went wrong with this contender; the others are measured all the same */
async function sampleRound(running: Running, around: Surroundings, options: LoadOptions, into: Samples): Promise<void> {
  const { child, ports } = running;
  into.requests.push(await sampleRequests(child.pid, urlOf(ports), options.seconds));
  if (running.contender.http2)
    into.http2.push(await sampleRequests(child.pid, urlOf(ports), options.seconds, "HTTP/2"));
  into.handshakes.push(
    await sampleConnections(child.pid, clientOptions(ports.mutual, around.certificates), options.connections),
  );
}

function urlOf(ports: Ports): string {
  return `https://127.0.0.1:${ports.serverOnly}/`;
}

/** One contender from its start to its figures, a step at a time so that all take their steps together. */
class Measured {
  readonly name: string;
  readonly #contender: Contender;
  readonly #around: Surroundings;
  readonly #options: LoadOptions;
  readonly #index: number;
  readonly #samples: Samples = { requests: [], http2: [], handshakes: [] };
  #running: Running | undefined;
  #idleMiB = Number.NaN;
  #figures: Row["figures"] | undefined;

  constructor(contender: Contender, around: Surroundings, index: number, options: LoadOptions) {
    this.name = contender.name;
    this.#contender = contender;
    this.#around = around;
    this.#index = index;
    this.#options = options;
    this.#figures = contender.missing();
  }

  start(): Promise<void> {
    return this.#step(async () => {
      const running = await startContender(this.#contender, this.#around, this.#index);
      this.#running = running;
      this.#idleMiB = residentOf(running.child.pid) / 1024;
      // The compiler of the runtime has its say before anything counts.
      await sampleRequests(running.child.pid, urlOf(running.ports), Math.min(3, this.#options.seconds));
    });
  }

  round(): Promise<void> {
    return this.#step(async () => {
      if (this.#running !== undefined) await sampleRound(this.#running, this.#around, this.#options, this.#samples);
    });
  }

  finish(): Promise<void> {
    return this.#step(async () => {
      if (this.#running === undefined) return;
      const { child, ports } = this.#running;
      const target = clientOptions(ports.mutual, this.#around.certificates);
      const perConnectionKiB = await sampleMemory(child.pid, target, this.#options.idle);
      const { requests, http2, handshakes } = this.#samples;
      this.#figures = {
        cpuUsPerRequest: rounded(median(requests.map(({ cpuUs }) => cpuUs))),
        requestsPerSecond: rounded(median(requests.map(({ perSecond }) => perSecond)), 0),
        ...(http2.length > 0 && { cpuUsPerHttp2Request: rounded(median(http2.map(({ cpuUs }) => cpuUs))) }),
        cpuUsPerConnection: rounded(median(handshakes), 0),
        residentMiB: rounded(this.#idleMiB),
        residentKiBPerConnection: rounded(perConnectionKiB),
      };
    });
  }

  async row(): Promise<Row> {
    await this.#running?.child[Symbol.asyncDispose]();
    return { contender: this.name, figures: this.#figures ?? "nothing was measured" };
  }

  async #step(take: () => Promise<void>): Promise<void> {
    if (this.#figures !== undefined) return;
    try {
      await take();
    } catch (error) {
      this.#figures = error instanceof Error ? error.message : String(error);
    }
  }
}

export async function runLoad(options: LoadOptions): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "postern-bench-"));
  try {
    await using application = await startApplication().then(({ child, port }) => ({
      port,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    }));
    const around = { directory, certificates: issueCertificates(directory), appPort: application.port };
    const all = CONTENDERS.map((contender, index) => new Measured(contender, around, index, options)).filter(
      ({ name }) => options.only.length === 0 || options.only.includes(name),
    );
    for (const measured of all) {
      console.error(`${measured.name}: starting, and checking its answers`);
      await measured.start();
    }
    for (let round = 1; round <= options.rounds; round += 1) {
      console.error(`round ${round} of ${options.rounds}`);
      for (const measured of all) await measured.round();
    }
    for (const measured of all) await measured.finish();
    return await Promise.all(all.map((measured) => measured.row()));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export function loadTable(rows: readonly Row[]): string {
  const columns = [
    { key: "cpuUsPerRequest", title: "CPU us/request", decimals: 1 },
    { key: "requestsPerSecond", title: "requests/s", decimals: 0 },
    { key: "cpuUsPerHttp2Request", title: "over HTTP/2", decimals: 1 },
    { key: "cpuUsPerConnection", title: "CPU us/new mTLS connection", decimals: 0 },
    { key: "residentMiB", title: "RSS MiB", decimals: 1 },
    { key: "residentKiBPerConnection", title: "KiB/idle connection", decimals: 1 },
  ];
  return `load by ${generator}; CPU as the operating system counts it for the proxy's process\n${table(columns, rows)}`;
}
