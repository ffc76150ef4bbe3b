/**
 * Every contender in turn, a round of each after the other so that a disturbance of the machine hits all: CPU of the proxy a
 * request over keep-alive TLS, CPU of a whole new mTLS connection, and memory of an idle one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueCertificates } from "./certificates.ts";
import { clientOptions, sampleConnections, sampleMemory } from "./connections.ts";
import { CONTENDERS, type Contender, type Ports, type Surroundings } from "./contenders.ts";
import { checkAnswers, checkRefusal, whenReady } from "./correctness.ts";
import { median, rounded } from "./measurement.ts";
import { LOAD_CORE, start, type Child } from "./process.ts";
import { table, type Row } from "./report.ts";
import { generator, sampleRequests } from "./requests.ts";

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

async function sampleOne(running: Running, around: Surroundings, options: LoadOptions): Promise<Row["figures"]> {
  const { child, ports } = running;
  const url = `https://127.0.0.1:${ports.serverOnly}/`;
  // The compiler of the runtime has its say before anything counts.
  await sampleRequests(child.pid, url, Math.min(3, options.seconds));
  const requests = [];
  const handshakes = [];
  for (let round = 0; round < options.rounds; round += 1) {
    requests.push(await sampleRequests(child.pid, url, options.seconds));
    handshakes.push(
      await sampleConnections(child.pid, clientOptions(ports.mutual, around.certificates), options.connections),
    );
  }
  const memory = await sampleMemory(child.pid, clientOptions(ports.mutual, around.certificates), options.idle);
  return {
    cpuUsPerRequest: rounded(median(requests.map(({ cpuUs }) => cpuUs))),
    requestsPerSecond: rounded(median(requests.map(({ perSecond }) => perSecond)), 0),
    cpuUsPerConnection: rounded(median(handshakes), 0),
    residentMiB: rounded(memory.idleMiB),
    residentKiBPerConnection: rounded(memory.perConnectionKiB),
  };
}

export async function runLoad(options: LoadOptions): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "postern-bench-"));
  try {
    await using application = await startApplication().then(({ child, port }) => ({
      port,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    }));
    const around = { directory, certificates: issueCertificates(directory), appPort: application.port };
    const rows: Row[] = [];
    for (const [index, contender] of CONTENDERS.entries()) {
      if (options.only.length > 0 && !options.only.includes(contender.name)) continue;
      console.error(`measuring ${contender.name} ...`);
      rows.push({ contender: contender.name, figures: await measure(contender, around, index, options) });
    }
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(
  contender: Contender,
  around: Surroundings,
  index: number,
  options: LoadOptions,
): Promise<Row["figures"]> {
  const missing = contender.missing();
  if (missing !== undefined) return missing;
  try {
    const running = await startContender(contender, around, index);
    await using _child = running.child;
    return await sampleOne(running, around, options);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function loadTable(rows: readonly Row[]): string {
  const columns = [
    { key: "cpuUsPerRequest", title: "CPU us/request", decimals: 1 },
    { key: "requestsPerSecond", title: "requests/s", decimals: 0 },
    { key: "cpuUsPerConnection", title: "CPU us/new mTLS connection", decimals: 0 },
    { key: "residentMiB", title: "RSS MiB", decimals: 1 },
    { key: "residentKiBPerConnection", title: "KiB/idle connection", decimals: 1 },
  ];
  return `load by ${generator}; CPU as the operating system counts it for the proxy's process\n${table(columns, rows)}`;
}
