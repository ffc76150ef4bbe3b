/** The frozen configuration and its defaults. Nothing below sidecar.ts sees flags, environment or files. */

import type { BackendPort } from "../policy/model.ts";

/** `http` and `h2c` parse requests and differ in what the application speaks; `stream` copies bytes. */
export type ForwardMode = "http" | "h2c" | "stream";

/** An IPv6 host has no brackets. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port` as messages, URLs and Host lines have it: an IPv6 host in brackets. */
export function addressText({ host, port }: SocketAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** One guarded port. */
export interface BackendConfig {
  readonly port: BackendPort;
  readonly listen: SocketAddress;
  /** Nobody has named `listen`: where the kernel has no IPv6 its address of all families becomes that of IPv4. */
  readonly listenByDefault?: true;
  readonly app: SocketAddress;
  /** Absent: decided by the Service port's `appProtocol`, else `http`. */
  readonly forward?: ForwardMode;
}

export type DiscoveryConfig =
  | { readonly kind: "manifests"; readonly directory: string }
  | { readonly kind: "kubernetes"; readonly kubeconfig?: string };

/** Past the end of a revocation list: whoever it speaks of is refused, or it is used as it is. */
export type ExpiredLists = "close" | "accept";

/** Files of the mesh-issued certificate. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl?: string;
  /** `close` unless told. */
  readonly expiredLists?: ExpiredLists;
}

/** A certificate that is asked for by the CertificateSigningRequest API. */
export interface RequestedCertificate {
  /** Name of the signer, e.g. `postern.dev/osm`. */
  readonly signer: string;
  /** The DNS SAN: `<service account>.<namespace>.<trust domain>`. */
  readonly name: string;
  /** File with the mesh's CA bundle. */
  readonly ca: string;
}

/** Where our certificate and whom we trust come from. */
export type TlsSource =
  | { readonly kind: "files"; readonly files: TlsFiles }
  /** A SPIFFE Workload API behind a unix socket, by its absolute path. */
  | { readonly kind: "workload-api"; readonly socket: string }
  /** The mesh's controller. */
  | { readonly kind: "csr"; readonly asked: RequestedCertificate };

/** What to do with `x-forwarded-client-cert` after the client's own was removed. */
export type ClientCertHeader = "sanitize-set" | "strip";

/** Every limit of the data plane. Milliseconds, bytes and counts; zero means off where the comment says so. */
export interface Limits {
  /** From accept to the end of the handshake, or to the first byte of HTTP on a plaintext port. */
  readonly handshakeTimeoutMs: number;
  /** From the first byte of a request to the end of its header. */
  readonly headerTimeoutMs: number;
  /** Between two bytes of a request body. */
  readonly requestIdleTimeoutMs: number;
  /** To connect to the application, and to wait for a connection to it that is free. */
  readonly connectTimeoutMs: number;
  /** Between two bytes of a response (first byte included); zero: off. */
  readonly responseIdleTimeoutMs: number;
  /** A connection without a request (http) or without a byte in either direction (stream, WebSockets). */
  readonly idleTimeoutMs: number;
  /** Oldest age of a connection; zero: off. */
  readonly lifetimeMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** Streams that one HTTP/2 connection may have open at once. */
  readonly maxStreams: number;
  /** Open connections over all threads. Each thread has an equal part and refuses beyond that, whatever the others have left. */
  readonly maxConnections: number;
  /** Open connections of one source address, in equal parts as above; zero: off (the one source is usually the gateway). */
  readonly maxConnectionsPerSource: number;
  /** New handshakes a second of one source address, in equal parts as above; zero: off. */
  readonly handshakesPerSecondPerSource: number;
  /**
   * Connections to the application, per backend, thread and version of HTTP. Over HTTP/2 there is always one that takes
   * requests, however many only finish what they carry after a GOAWAY of the application.
   */
  readonly maxUpstreamConnections: number;
  /** Requests that may wait for a connection to the application before 503, per backend and thread. */
  readonly maxQueuedRequests: number;
  /** How long an in-flight response may go on after its connection lost its right. */
  readonly revokeGraceMs: number;
  /** Refusal log lines of one source address a second, in equal parts as above, beyond which they are only counted. */
  readonly refusalLogsPerSecond: number;
  /** Idle connections to the application are closed before the application's own idle timer can fire. */
  readonly upstreamKeepAliveMs: number;
}

/** A path at the health port, and what is asked of the application, or waited for, to answer it. */
export interface ProbeConfig {
  readonly path: string;
  readonly timeoutMs: number;
  readonly ask:
    | {
        readonly kind: "http";
        readonly port: number;
        readonly path: string;
        readonly tls: boolean;
        readonly headers: readonly (readonly [name: string, value: string])[];
      }
    | { readonly kind: "tcp"; readonly port: number }
    | { readonly kind: "grpc"; readonly port: number; readonly service: string }
    /** Until the sidecar has drained. */
    | { readonly kind: "drained" };
}

/** Where spans go. */
export interface TracingConfig {
  /** Base URL of an OTLP/HTTP receiver, e.g. `http://127.0.0.1:4318`. */
  readonly endpoint: string;
  /** Share of the traces that begin here which are sampled, 0 to 1; a caller's own decision is followed. */
  readonly ratio: number;
}

/** Audit always ends: so long after the start of the process, or at a moment (milliseconds since the epoch). */
export type Enforcement =
  | { readonly mode: "enforce" }
  | { readonly mode: "audit"; readonly forMs: number }
  | { readonly mode: "audit"; readonly until: number };

export interface Config {
  readonly discovery: DiscoveryConfig;
  readonly namespace: string;
  /** Absent: found from the EndpointSlices that hold one of `podIps`. */
  readonly services?: readonly string[];
  /** Addresses of this pod, the primary one first; of both families in a dual-stack pod. Empty: not known. */
  readonly podIps: readonly string[];
  readonly podName?: string;
  /** Addresses and ranges of nodes, for explanations alone. */
  readonly nodes: readonly string[];
  readonly meshName?: string;
  readonly backends: readonly BackendConfig[];
  /** Absent: https backends stay closed. */
  readonly tls?: TlsSource;
  /** TLS sessions are resumed by tickets. */
  readonly tlsResumption: boolean;
  readonly admin: SocketAddress;
  /** Serves only `/livez`, `/readyz`, `/metrics` and the paths of `probes`, off loopback by choice. */
  readonly health?: SocketAddress;
  /** What the health port answers for the application. */
  readonly probes: readonly ProbeConfig[];
  /** Data-plane threads. */
  readonly workers: number;
  /** Absent: off. */
  readonly maxStaleMs?: number;
  readonly drainDelayMs: number;
  readonly drainDeadlineMs: number;
  readonly clientCertHeader: ClientCertHeader;
  readonly enforcement: Enforcement;
  readonly accessLog: boolean;
  readonly tracing?: TracingConfig;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly limits: Limits;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  handshakeTimeoutMs: 10_000,
  headerTimeoutMs: 30_000,
  // OSM's Envoy answers an incomplete request with 408 after five minutes of silence.
  requestIdleTimeoutMs: 300_000,
  connectTimeoutMs: 5_000,
  // OSM's Envoy answers 504 after five minutes without a byte.
  responseIdleTimeoutMs: 300_000,
  // OSM's Envoy: one hour; it must outlive the gateway's own idle timer.
  idleTimeoutMs: 3_600_000,
  lifetimeMs: 0,
  // OSM's Envoy: 60 KiB and 100 headers.
  maxHeaderBytes: 61_440,
  maxHeaders: 100,
  // OSM's Envoy: 2147483647 (its default); a gateway's pool opens another connection above this.
  maxStreams: 250,
  maxConnections: 10_000,
  maxConnectionsPerSource: 0,
  handshakesPerSecondPerSource: 0,
  maxUpstreamConnections: 256,
  maxQueuedRequests: 1_024,
  revokeGraceMs: 10_000,
  refusalLogsPerSecond: 5,
  // Node applications close idle connections after five seconds.
  upstreamKeepAliveMs: 4_000,
});
