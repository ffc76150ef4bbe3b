/**
 * Every setting of `postern run`, once: its flag, its environment variable (`--mesh-name`: `POSTERN_MESH_NAME`) and its key
 * in the configuration file share the name.
 */
import type { Limits } from "./config.ts";

export interface Setting {
  readonly name: string;
  /** Placeholder of the value; absent for a switch. */
  readonly value?: string;
  readonly repeatable?: boolean;
  /** Other environment variables that give it, after its own: what the downward API usually sets. */
  readonly env?: readonly string[];
  readonly help: string;
}

/** How the text of a limit is read, and the smallest value that means something. */
export interface LimitSetting extends Setting {
  readonly key: keyof Limits;
  readonly kind: "duration" | "bytes" | "count";
  readonly least: number;
}

const limit = (
  key: keyof Limits,
  name: string,
  kind: LimitSetting["kind"],
  least: number,
  help: string,
): LimitSetting => ({
  key,
  name,
  kind,
  least,
  value: { duration: "DURATION", bytes: "SIZE", count: "N" }[kind],
  help,
});

export const LIMIT_SETTINGS: readonly LimitSetting[] = [
  limit(
    "handshakeTimeoutMs",
    "handshake-timeout",
    "duration",
    1,
    "from accept to the end of the TLS handshake, or to the first byte of plain HTTP (10s)",
  ),
  limit("headerTimeoutMs", "header-timeout", "duration", 1, "to receive a request's header (30s)"),
  limit("requestIdleTimeoutMs", "request-idle-timeout", "duration", 1, "between two parts of a request body (5m)"),
  limit(
    "connectTimeoutMs",
    "connect-timeout",
    "duration",
    1,
    "to connect to the application, or to wait for a free connection to it (5s)",
  ),
  limit(
    "responseIdleTimeoutMs",
    "response-idle-timeout",
    "duration",
    0,
    "for the application's next byte, 0 for off (5m)",
  ),
  limit(
    "idleTimeoutMs",
    "idle-timeout",
    "duration",
    1,
    "an unused connection is kept, streams and WebSockets without a byte included (1h)",
  ),
  limit("lifetimeMs", "lifetime", "duration", 0, "oldest age of a connection, 0 for off (off)"),
  limit("maxHeaderBytes", "max-header-bytes", "bytes", 1024, "largest request header (60KiB)"),
  limit("maxHeaders", "max-headers", "count", 1, "most header lines of a request (100)"),
  limit("maxStreams", "max-streams", "count", 1, "open streams of one HTTP/2 connection (250)"),
  limit(
    "maxConnections",
    "max-connections",
    "count",
    1,
    "open connections in all, an equal part for each thread (10000)",
  ),
  limit(
    "maxConnectionsPerSource",
    "max-connections-per-source",
    "count",
    0,
    "open connections of one address, an equal part for each thread, 0 for off (off)",
  ),
  limit(
    "handshakesPerSecondPerSource",
    "handshakes-per-second-per-source",
    "count",
    0,
    "new connections of one address a second, an equal part for each thread, 0 for off (off)",
  ),
  limit(
    "maxUpstreamConnections",
    "max-upstream-connections",
    "count",
    1,
    "connections to the application a backend and thread and version of HTTP, WebSockets not counted (256)",
  ),
  limit(
    "maxQueuedRequests",
    "max-queued-requests",
    "count",
    0,
    "requests that wait for the application before 503 (1024)",
  ),
  limit(
    "revokeGraceMs",
    "revoke-grace",
    "duration",
    0,
    "a response in flight may take after its right is gone, at most 10s (10s)",
  ),
  limit(
    "refusalLogsPerSecond",
    "refusal-logs-per-second",
    "count",
    1,
    "refusal lines of one address a second, an equal part for each thread (5)",
  ),
  limit(
    "upstreamKeepAliveMs",
    "upstream-keep-alive",
    "duration",
    1,
    "an unused connection to the application is kept (4s)",
  ),
];

export const SETTINGS: readonly Setting[] = [
  { name: "manifests", value: "DIR", help: "policy and endpoints from the YAML and JSON files of a directory" },
  { name: "kubernetes", help: "policy and endpoints from the cluster (default in a pod)" },
  { name: "kubeconfig", value: "FILE", env: ["KUBECONFIG"], help: "cluster and credentials when not in a pod" },
  {
    name: "namespace",
    value: "NS",
    env: ["POD_NAMESPACE"],
    help: "namespace of this pod (POD_NAMESPACE, else default)",
  },
  {
    name: "service",
    value: "NAME",
    repeatable: true,
    help: "Service that this pod backs (else found by its addresses, POD_IPS)",
  },
  {
    name: "pod-ip",
    value: "IP[,IP]",
    env: ["POD_IPS", "POD_IP"],
    help: "addresses of this pod, of both families where it has both (POD_IPS, else POD_IP)",
  },
  { name: "pod-name", value: "NAME", env: ["POD_NAME"], help: "name of this pod (POD_NAME)" },
  {
    name: "node-ip",
    value: "IP|CIDR",
    repeatable: true,
    env: ["NODE_IP"],
    help: "addresses of nodes (NODE_IP), so that a refusal says when one hides the gateway; allows nothing",
  },
  {
    name: "backend",
    value: "SPEC",
    repeatable: true,
    help: "port=80[,listen=[::]:15080][,app=127.0.0.1:80][,forward=http|h2c|stream]; in the environment separated by ;",
  },
  { name: "tls-cert", value: "FILE", help: "mesh-issued certificate, PEM, leaf first" },
  { name: "tls-key", value: "FILE", help: "its private key, PEM" },
  { name: "tls-ca", value: "FILE", help: "the mesh's CA bundle, PEM" },
  { name: "tls-crl", value: "FILE", help: "revoked certificates of the mesh, one list or several, PEM or DER" },
  {
    name: "tls-crl-expired",
    value: "MODE",
    help: "past a list's end: close to its issuer's callers, or accept (close)",
  },
  {
    name: "spiffe-endpoint",
    value: "unix:///PATH",
    env: ["SPIFFE_ENDPOINT_SOCKET"],
    help: "certificate, key and CAs from the SPIFFE Workload API (SPIFFE_ENDPOINT_SOCKET, unless files are named)",
  },
  {
    name: "csr-signer",
    value: "NAME",
    help: "certificate by the CertificateSigningRequest API from this signer, e.g. postern.dev/osm; with --tls-ca",
  },
  {
    name: "service-account",
    value: "NAME",
    env: ["SERVICE_ACCOUNT"],
    help: "of this pod, for --csr-signer (SERVICE_ACCOUNT)",
  },
  {
    name: "trust-domain",
    value: "NAME",
    help: "last part of the certificate's name, for --csr-signer (cluster.local)",
  },
  {
    name: "tls-resumption",
    value: "MODE",
    help: "callers resume TLS sessions by tickets, on or off: the certificate is judged anew each time (off)",
  },
  { name: "mesh-name", value: "NAME", help: "source namespaces must carry openservicemesh.io/monitored-by=NAME (off)" },
  { name: "max-stale", value: "DURATION", help: "refuse everybody once policy is older than this (off)" },
  {
    name: "enforcement",
    value: "MODE",
    help: "enforce, or audit[:DURATION|:TIME] (24h): forward and count what address or name would refuse, then enforce (enforce)",
  },
  { name: "client-cert-header", value: "MODE", help: "x-forwarded-client-cert: sanitize-set or strip (sanitize-set)" },
  { name: "admin", value: "ADDR:PORT", help: "health, metrics, snapshot, connections, explain (127.0.0.1:15000)" },
  {
    name: "health",
    value: "ADDR:PORT",
    help: "only /livez, /readyz and /metrics, for the kubelet and Prometheus (off)",
  },
  {
    name: "probes",
    value: "JSON",
    help: 'paths at --health that ask the application, e.g. {"/probes/app/livenessProbe":{"httpGet":{"path":"/","port":80}}} (none)',
  },
  { name: "workers", value: "N", help: "data-plane threads, 64 at most (the CPUs that are allotted)" },
  { name: "drain-delay", value: "DURATION", help: "listen on after SIGTERM while endpoints spread (5s)" },
  { name: "drain-deadline", value: "DURATION", help: "then cut what is left after this (25s)" },
  { name: "access-log", value: "BOOL", help: "a line for every request and connection, true or false (true)" },
  {
    name: "otlp-endpoint",
    value: "URL",
    env: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    help: "a span for each request to this OTLP/HTTP receiver (OTEL_EXPORTER_OTLP_ENDPOINT, else off)",
  },
  { name: "trace-ratio", value: "RATIO", help: "share of the traces that begin here which are sampled, 0 to 1 (1)" },
  { name: "log-level", value: "LEVEL", help: "debug, info, warn or error (info)" },
];

export function envName(setting: string): string {
  return `POSTERN_${setting.toUpperCase().replaceAll("-", "_")}`;
}
