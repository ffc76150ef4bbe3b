/** Texts to one frozen Config, or every problem at once. Pure. */
import {
  DEFAULT_LIMITS,
  type BackendConfig,
  type Config,
  type DiscoveryConfig,
  type ExpiredLists,
  type Limits,
  type ProbeConfig,
  type SocketAddress,
  type TlsFiles,
  type TlsSource,
} from "./config.ts";
import { isAddressOrRange } from "../policy/node-addresses.ts";
import { readEnforcement } from "./enforcement.ts";
import { readProbes } from "./probes.ts";
import { LIMIT_SETTINGS } from "./settings.ts";
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
  readUnixSocket,
  Unusable,
  type Read,
} from "./values.ts";

/** The texts of one setting and where they stand, e.g. `--max-stale` or `POSTERN_MAX_STALE`. */
export interface RawSetting {
  readonly texts: readonly string[];
  readonly origin: string;
}

export type RawSettings = ReadonlyMap<string, RawSetting>;

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

/** @throws ConfigError with every problem */
export function parseConfig(raw: RawSettings, surroundings: Surroundings): Config {
  const reader = new SettingsReader(raw);
  const backends = readBackends(reader);
  const tls = readTls(reader);
  const services = reader.all("service");
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
    workers: reader.one("workers", (text) => atLeast(readCount(text), 1)) ?? Math.max(1, surroundings.parallelism),
    ...(maxStaleMs > 0 && { maxStaleMs }),
    drainDelayMs: reader.one("drain-delay", readDuration) ?? 5_000,
    drainDeadlineMs: reader.one("drain-deadline", readDuration) ?? 25_000,
    clientCertHeader: reader.one("client-cert-header", readChoice(["sanitize-set", "strip"])) ?? "sanitize-set",
    enforcement: reader.one("enforcement", readEnforcement) ?? { mode: "enforce" },
    accessLog: reader.one("access-log", readBoolean) ?? true,
    ...readTracing(reader),
    logLevel: reader.one("log-level", readChoice(["debug", "info", "warn", "error"])) ?? "info",
    limits: readLimits(reader),
  };
  checkAdmin(config, reader);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return Object.freeze(config);
}

class SettingsReader {
  readonly problems: string[] = [];
  readonly #raw: RawSettings;

  constructor(raw: RawSettings) {
    this.#raw = raw;
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  origin(name: string): string {
    return this.#raw.get(name)?.origin ?? `--${name}`;
  }

  has(name: string): boolean {
    return this.#raw.has(name);
  }

  all(name: string): readonly string[] {
    return this.#raw.get(name)?.texts ?? [];
  }

  text(name: string): string | undefined {
    const [text] = this.all(name);
    if (text === "") this.problem(`${this.origin(name)} is empty: give a value or leave it out`);
    return text;
  }

  one<Value>(name: string, read: (text: string) => Read<Value>): Value | undefined {
    const [text] = this.all(name);
    return text === undefined ? undefined : this.check(name, text, read(text));
  }

  check<Value>(name: string, text: string, value: Read<Value>): Value | undefined {
    if (!(value instanceof Unusable)) return value;
    this.problem(`${this.origin(name)} has the value '${text}'; expected ${value.expected}`);
    return undefined;
  }
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
    const address = `${listen.host}:${listen.port}`;
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

function readTlsFiles(reader: SettingsReader): TlsFiles | undefined {
  const names = ["tls-cert", "tls-key", "tls-ca"] as const;
  const missing = names.filter((name) => !reader.has(name));
  if (missing.length === names.length && !reader.has("tls-crl") && !reader.has("tls-crl-expired")) return undefined;
  if (missing.length > 0) {
    reader.problem(
      `${missing.map((name) => `--${name}`).join(" and ")} ${missing.length === 1 ? "is" : "are"} missing: certificate, key and CA are given together`,
    );
    return undefined;
  }
  const crl = reader.text("tls-crl");
  const expiredLists = reader.one("tls-crl-expired", readChoice<ExpiredLists>(["close", "accept"]));
  if (expiredLists !== undefined && crl === undefined)
    reader.problem(`${reader.origin("tls-crl-expired")} needs --tls-crl, which names the lists`);
  return {
    cert: reader.text("tls-cert") ?? "",
    key: reader.text("tls-key") ?? "",
    ca: reader.text("tls-ca") ?? "",
    ...(crl !== undefined && { crl }),
    ...(expiredLists !== undefined && { expiredLists }),
  };
}

/** The name is `<service account>.<namespace>.<trust domain>`, as OSM's certificates have it. */
function readRequested(reader: SettingsReader): TlsSource {
  const signer = reader.text("csr-signer") ?? "";
  const ca = reader.text("tls-ca");
  const account = reader.text("service-account");
  const other = ["tls-cert", "tls-key", "tls-crl", "tls-crl-expired"].find((name) => reader.has(name));
  if (!/^[a-z0-9.-]+\/[a-z0-9./-]+$/.test(signer))
    reader.problem(
      `${reader.origin("csr-signer")} has the value '${signer}'; expected a signer such as postern.dev/osm`,
    );
  if (ca === undefined)
    reader.problem(`${reader.origin("csr-signer")} needs --tls-ca, the file with the mesh's CA bundle`);
  if (account === undefined)
    reader.problem(`${reader.origin("csr-signer")} needs --service-account (SERVICE_ACCOUNT), whose name is asked for`);
  if (other !== undefined)
    reader.problem(
      `${reader.origin("csr-signer")} and ${reader.origin(other)} exclude each other: certificate and key come from one source`,
    );
  const namespace = reader.text("namespace") ?? "default";
  const name = `${account ?? ""}.${namespace}.${reader.text("trust-domain") ?? "cluster.local"}`;
  return { kind: "csr", asked: { signer, name, ca: ca ?? "" } };
}

function readTls(reader: SettingsReader): TlsSource | undefined {
  if (reader.has("csr-signer")) return readRequested(reader);
  const files = readTlsFiles(reader);
  // A SPIFFE_ENDPOINT_SOCKET that merely lies in the environment takes nothing from who has named files.
  const named = ["tls-cert", "tls-key", "tls-ca", "tls-crl", "tls-crl-expired"].find((name) => reader.has(name));
  if (named !== undefined && reader.origin("spiffe-endpoint") === "SPIFFE_ENDPOINT_SOCKET")
    return files && { kind: "files", files };
  const socket = reader.one("spiffe-endpoint", readUnixSocket);
  if (socket !== undefined && named !== undefined)
    reader.problem(
      `${reader.origin("spiffe-endpoint")} and ${reader.origin(named)} exclude each other: certificate, key, CAs and lists come from one source`,
    );
  if (socket !== undefined) return { kind: "workload-api", socket };
  return files && { kind: "files", files };
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
  if (!isLoopback(admin))
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

function isLoopback({ host }: SocketAddress): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
