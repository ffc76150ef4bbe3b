/** `postern demo`: the sidecar in front of a small application on localhost, with a mesh CA of its own. */
import { createServer, type Server } from "node:http";
import { access } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { startAdmin } from "../admin/admin.ts";
import { parseConfig } from "../config/parse.ts";
import { readPort, Unusable } from "../config/values.ts";
import { initAuthority, issueInto } from "../pki/directory.ts";
import { createDiscovery } from "../choose-discovery.ts";
import { Sidecar } from "../sidecar.ts";
import { openLog } from "../telemetry/log.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";
import { quoted } from "../migrate/quoted.ts";

/** Demo manifests: of the checkout, of the package, of the image. */
const MANIFESTS = join(import.meta.dirname, "../../config/demo");
const YEAR_MS = 365 * 86_400_000;

const PORTS = { app: 18_000, http: 18_080, https: 18_443, admin: 15_000 } as const;
type PortName = keyof typeof PORTS;
type Ports = Readonly<Record<PortName, number>>;

const DEMO: CommandSpec = {
  name: "demo",
  summary: "Runs everything on localhost: a demo mesh CA, a small application, the sidecar, and curl lines to try.",
  usage: ["demo [--dir DIR] [--app-port N] [--http-port N] [--https-port N] [--admin-port N]"],
  flags: [
    { name: "dir", value: "DIR", help: "where the demo CA and certificates are kept (.postern/demo)" },
    ...Object.entries(PORTS).map(([name, port]) => ({
      name: `${name}-port`,
      value: "N",
      help: `port of the ${describePort(name)} (${port})`,
    })),
  ],
};

export async function runDemo(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems, help } = parseFlags(DEMO, argv);
  if (help) {
    io.stdout(helpText(DEMO));
    return EXIT.ok;
  }
  const ports = readPorts(values);
  const found = [...problems, ...("problems" in ports ? ports.problems : [])];
  if (found.length > 0 || "problems" in ports) {
    io.printError(usageError(DEMO, found));
    return EXIT.usage;
  }
  try {
    return await serve(resolve(values.get("dir")?.[0] ?? ".postern/demo"), ports, io);
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).split("\n");
    io.printError(lines.map((line) => `postern demo: ${line}`));
    return EXIT.failed;
  }
}

function describePort(name: string): string {
  return name === "app" ? "demo application" : name === "admin" ? "admin page" : `${name} backend`;
}

function readPorts(values: ReadonlyMap<string, readonly string[]>): Ports | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const read = (name: PortName): number => {
    const text = values.get(`${name}-port`)?.[0];
    const port = text === undefined ? PORTS[name] : readPort(text);
    if (!(port instanceof Unusable)) return port;
    problems.push(`--${name}-port has the value '${text}'; expected ${port.expected}`);
    return 0;
  };
  const ports = { app: read("app"), http: read("http"), https: read("https"), admin: read("admin") };
  return problems.length > 0 ? { problems } : ports;
}

async function serve(directory: string, ports: Ports, io: CliIo): Promise<number> {
  const terminated = new Promise<string>((resolveSignal) => io.onTermination(resolveSignal));
  await prepareCertificates(directory, io);
  const app = await startApplication(ports.app);
  const logging = openLog("info", io.stderr);
  const config = parseConfig(demoSettings(directory, ports), { parallelism: 1, inCluster: false });
  const sidecar = new Sidecar(config, logging, await createDiscovery(config, logging.log, io.env));
  const admin = await startAdmin(sidecar).catch((error: unknown) => {
    app.close();
    throw error;
  });
  try {
    await sidecar.start();
    io.stdout(instructions(directory, ports));
    await terminated;
    io.print(["", "Stopping."]);
    const { cut } = await sidecar.drain();
    return cut === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await admin.close();
    await sidecar.close();
    app.closeAllConnections();
    app.close();
  }
}

/** Once: whoever trusts the demo CA keeps trusting it. Leaf certificates are issued anew at each start. */
async function prepareCertificates(directory: string, io: CliIo): Promise<void> {
  try {
    await makeCertificates(directory, io);
  } catch (error) {
    // What is not of the file system says for itself what to do. A `code` alone proves nothing: Node's own errors have one.
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new Error(`cannot keep the demo CA in ${directory}: ${error.message}; choose another directory with --dir`, {
      cause: error,
    });
  }
}

async function makeCertificates(directory: string, io: CliIo): Promise<void> {
  const exists = await access(join(directory, "ca.crt")).then(
    () => true,
    () => false,
  );
  if (!exists) {
    io.print(`Making a demo mesh CA in ${directory}`);
    await initAuthority(directory);
  }
  const notAfter = new Date(Date.now() + YEAR_MS);
  await issueInto(directory, "httpbin", { dnsNames: ["httpbin.demo.cluster.local"], notAfter });
  await issueInto(directory, "edge", { dnsNames: ["edge.gateways.cluster.local"], notAfter });
  await issueInto(directory, "intruder", { dnsNames: ["intruder.gateways.cluster.local"], notAfter });
}

/** Shows what it was sent. */
function startApplication(port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const lines = Array.from(
      { length: request.rawHeaders.length / 2 },
      (_, index) => `  ${request.rawHeaders[index * 2]}: ${request.rawHeaders[index * 2 + 1]}`,
    );
    response.setHeader("content-type", "text/plain");
    response.end(`Hello from the application. It saw:\n  ${request.method} ${request.url}\n${lines.join("\n")}\n`);
    request.resume();
  });
  return new Promise((resolveServer, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `cannot start the demo application on 127.0.0.1:${port}: ${error.code ?? error.message}; choose another port with --app-port`,
          { cause: error },
        ),
      );
    });
    server.listen({ host: "127.0.0.1", port }, () => resolveServer(server));
  });
}

function demoSettings(directory: string, ports: Ports): Parameters<typeof parseConfig>[0] {
  const settings: Readonly<Record<string, readonly string[]>> = {
    manifests: [MANIFESTS],
    namespace: ["demo"],
    service: ["httpbin"],
    backend: [
      `port=14001,listen=127.0.0.1:${ports.http},app=127.0.0.1:${ports.app}`,
      `port=14002,listen=127.0.0.1:${ports.https},app=127.0.0.1:${ports.app}`,
    ],
    "tls-cert": [join(directory, "httpbin.crt")],
    "tls-key": [join(directory, "httpbin.key")],
    "tls-ca": [join(directory, "ca.crt")],
    admin: [`127.0.0.1:${ports.admin}`],
    "drain-delay": ["0"],
    "drain-deadline": ["5s"],
  };
  return new Map(Object.entries(settings).map(([name, texts]) => [name, { texts, origin: `--${name}` }]));
}

/** @returns the path as it is shorter to type: from the working directory, or from the root */
function shortest(path: string): string {
  const from = relative("", path);
  return from.length < path.length ? from : path;
}

function instructions(directory: string, ports: Ports): string {
  const tls = `curl -sS --cacert ${quoted(join(directory, "ca.crt"))} --connect-to httpbin.demo.cluster.local:443:127.0.0.1:${ports.https}`;
  const certificate = (name: string): string =>
    `--cert ${quoted(join(directory, `${name}.crt`))} --key ${quoted(join(directory, `${name}.key`))}`;
  return `
Postern guards an application on 127.0.0.1:${ports.app}. The policies are in ${shortest(MANIFESTS)}. Try:

  # allowed: the source address is an endpoint of Service gateways/edge
  curl -sS 'http://127.0.0.1:${ports.http}/hello'

  # allowed: mTLS, and the certificate names edge.gateways.cluster.local
  ${tls} ${certificate("edge")} 'https://httpbin.demo.cluster.local/hello'

  # refused: 127.0.0.2 is no endpoint of it; the connection is closed
  curl -sS --interface 127.0.0.2 'http://127.0.0.1:${ports.http}/hello'

  # refused: a certificate of the mesh with another name gets 403 and 'RBAC: access denied'
  ${tls} ${certificate("intruder")} 'https://httpbin.demo.cluster.local/hello'

  # refused: no certificate, the TLS handshake fails
  ${tls} 'https://httpbin.demo.cluster.local/hello'

  # why, and the state
  curl -sS 'http://127.0.0.1:${ports.admin}/explain?port=14001&from=127.0.0.2'
  curl -sS 'http://127.0.0.1:${ports.admin}/'

Ctrl-C stops.

`;
}
