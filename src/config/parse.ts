/** Texts to one frozen Config, or every problem at once. Pure. */
import { isLoopback } from "../policy/address/loopback.ts";
import {
  addressText,
  DEFAULT_LIMITS,
  type BackendConfig,
  type Config,
  type DiscoveryConfig,
  type Limits,
  type ProbeConfig,
} from "./config.ts";
import { isAddressOrRange } from "../policy/address/node-addresses.ts";
import { readEnforcement } from "./enforcement.ts";
import { readProbes } from "./probes.ts";
import { serviceNameProblem } from "./service-name.ts";
import { SettingsReader, type RawSettings } from "./settings-reader.ts";
import { LIMIT_SETTINGS } from "./settings.ts";
import { readTlsSource } from "./tls-source.ts";
import {
  readAddresses,
  readBackend,
  readBoolean,
  readBytes,
  readChoice,
  readCount,
  readDuration,
  readHttpUrl,
  readRatio,
  readSocketAddress,
  Unusable,
  type Read,
} from "./values.ts";

/** Facts of the machine that stand in for settings that are not given. */
export interface Surroundings {
  /** CPUs that are allotted to the process. */
  readonly parallelism: number;
  /** True in a pod with a service account. */
  readonly inCluster: boolean;
}

/** The configuration cannot be used; every problem names its setting and what was expected. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

const LONGEST_GRACE_MS = 10_000;
/** Each thread is a heap and a compiler: hundreds hold the process up for seconds, and no pod has as many CPUs. */
const MOST_WORKERS = 64;

/** @throws ConfigError with every problem */
export function parseConfig(raw: RawSettings, surroundings: Surroundings): Config {
  const reader = new SettingsReader(raw);
  const backends = readBackends(reader);
  const tls = readTlsSource(reader);
  const services = reader.all("service");
  for (const service of services) {
    const problem = serviceNameProblem(service);
    if (problem !== undefined) reader.problem(`${reader.origin("service")}: ${problem}`);
  }
  const podIps = reader.one("pod-ip", readAddresses) ?? [];
  const podName = reader.text("pod-name");
  const meshName = reader.text("mesh-name");
  const health = reader.one("health", readSocketAddress);
  const maxStaleMs = reader.one("max-stale", readDuration) ?? 0;
  const discovery = readDiscovery(reader, surroundings);
  if (services.length === 0 && !reader.has("pod-ip"))
    reader.problem(
      "name the Service that this pod backs with --service, or give its addresses with --pod-ip (POD_IPS)",
    );
  const config: Config = {
    discovery,
    namespace: reader.text("namespace") ?? "default",
    ...(services.length > 0 && { services }),
    podIps,
    ...(podName !== undefined && { podName }),
    nodes: readNodes(reader),
    ...(meshName !== undefined && { meshName }),
    backends,
    ...(tls !== undefined && { tls }),
    tlsResumption: reader.one("tls-resumption", readChoice(["off", "on"])) === "on",
    admin: reader.one("admin", readSocketAddress) ?? { host: "127.0.0.1", port: 15_000 },
    ...(health !== undefined && { health }),
    probes: readProbeTable(reader),
    workers: reader.one("workers", readWorkers) ?? Math.min(Math.max(1, surroundings.parallelism), MOST_WORKERS),
    ...(maxStaleMs > 0 && { maxStaleMs }),
    drainDelayMs: reader.one("drain-delay", readDuration) ?? 5_000,
    drainDeadlineMs: reader.one("drain-deadline", readDuration) ?? 25_000,
    clientCertHeader: reader.one("client-cert-header", readChoice(["sanitize-set", "strip"])) ?? "sanitize-set",
    enforcement: reader.one("enforcement", (text) => readEnforcement(text)) ?? { mode: "enforce" },
    accessLog: reader.one("access-log", readBoolean) ?? true,
    ...readTracing(reader),
    logLevel: reader.one("log-level", readChoice(["debug", "info", "warn", "error"])) ?? "info",
    limits: readLimits(reader),
  };
  checkAdmin(config, reader);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return Object.freeze(config);
}

function readWorkers(text: string): Read<number> {
  const count = readCount(text);
  return count instanceof Unusable || (count >= 1 && count <= MOST_WORKERS)
    ? count
    : new Unusable(`a number of threads from 1 to ${MOST_WORKERS}`);
}

function atLeast(value: Read<number>, least: number): Read<number> {
  return value instanceof Unusable || value >= least ? value : new Unusable(`a value of at least ${least}`);
}

function readLimits(reader: SettingsReader): Limits {
  const readers = { duration: readDuration, bytes: readBytes, count: readCount };
  const given: Partial<Record<keyof Limits, number>> = {};
  for (const { key, name, kind, least } of LIMIT_SETTINGS) {
    const value = reader.one(name, (text) => atLeast(readers[kind](text), least));
    if (value !== undefined) given[key] = value;
  }
  const limits = { ...DEFAULT_LIMITS, ...given };
  if (limits.revokeGraceMs > LONGEST_GRACE_MS)
    reader.problem(`${reader.origin("revoke-grace")} is longer than 10s: a lost right ends at the latest then`);
  return Object.freeze(limits);
}

function readBackends(reader: SettingsReader): readonly BackendConfig[] {
  const backends = reader.all("backend").flatMap((text) => reader.check("backend", text, readBackend(text)) ?? []);
  if (reader.all("backend").length === 0)
    reader.problem(
      "no backend is given: name each guarded port, e.g. --backend port=80,listen=[::]:15080,app=127.0.0.1:80",
    );
  const ports = new Set<number>();
  const listeners = new Set<string>();
  for (const { port, listen } of backends) {
    if (ports.has(port))
      reader.problem(`${reader.origin("backend")} names port ${port} twice: each backend port has one listener`);
    const address = addressText(listen);
    if (listeners.has(address))
      reader.problem(
        `${reader.origin("backend")} listens on ${address} twice: each backend needs a listener of its own`,
      );
    ports.add(port);
    listeners.add(address);
  }
  return backends;
}

function readNodes(reader: SettingsReader): readonly string[] {
  const nodes = reader.all("node-ip");
  for (const text of nodes)
    if (!isAddressOrRange(text))
      reader.problem(
        `${reader.origin("node-ip")} has the value '${text}'; expected an address or range such as 10.0.0.1 or 10.0.0.0/24`,
      );
  return nodes;
}

function readProbeTable(reader: SettingsReader): readonly ProbeConfig[] {
  const probes = reader.one("probes", readProbes) ?? [];
  if (probes.length > 0 && !reader.has("health"))
    reader.problem(`${reader.origin("probes")} needs --health, where the kubelet asks`);
  return probes;
}

function readTracing(reader: SettingsReader): Pick<Config, "tracing"> {
  const endpoint = reader.one("otlp-endpoint", readHttpUrl);
  const ratio = reader.one("trace-ratio", readRatio) ?? 1;
  if (endpoint !== undefined) return { tracing: { endpoint, ratio } };
  if (reader.has("trace-ratio") && !reader.has("otlp-endpoint"))
    reader.problem(`${reader.origin("trace-ratio")} needs --otlp-endpoint, which says where spans go`);
  return {};
}

function readDiscovery(reader: SettingsReader, { inCluster }: Surroundings): DiscoveryConfig {
  const directory = reader.text("manifests");
  const kubeconfig = reader.text("kubeconfig");
  const kubernetes = reader.one("kubernetes", readBoolean) ?? false;
  if (directory !== undefined && kubernetes)
    reader.problem("--manifests and --kubernetes exclude each other: choose one source of policy");
  if (directory !== undefined) return { kind: "manifests", directory };
  // A KUBECONFIG that merely lies in the environment chooses nothing.
  const chosen = kubernetes || inCluster || (kubeconfig !== undefined && reader.origin("kubeconfig") !== "KUBECONFIG");
  if (!chosen)
    reader.problem("no source of policy: give --manifests DIR, or --kubernetes with --kubeconfig FILE outside a pod");
  return { kind: "kubernetes", ...(kubeconfig !== undefined && { kubeconfig }) };
}

function checkAdmin({ admin, health, backends }: Config, reader: SettingsReader): void {
  if (!isLoopback(admin.host))
    reader.problem(
      `${reader.origin("admin")} is ${admin.host}: it shows policies and connections to whoever reaches it, so it stays on loopback; use --health for the kubelet and Prometheus`,
    );
  for (const { listen } of backends) {
    if (admin.port !== 0 && listen.port === admin.port)
      reader.problem(
        `${reader.origin("admin")} and a backend listen on port ${admin.port}: choose another for one of them`,
      );
    if (health?.port === listen.port)
      reader.problem(
        `${reader.origin("health")} and a backend listen on port ${listen.port}: choose another for one of them`,
      );
  }
}
