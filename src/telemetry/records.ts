/**
 * What a data-plane thread knows of the traffic that it carried: plain data, which becomes log lines in the thread, and
 * spans, counters and rows on the control side.
 */
import type { RefusalReason, Verdict } from "../policy/decision.ts";
import type { DurationRow } from "./duration-counts.ts";

/** What came between a request and the application's response. */
export type UpstreamFailureCode =
  | "upstream-unreachable"
  | "upstream-timeout"
  | "upstream-reset"
  | "upstream-invalid"
  | "upstream-busy"
  | "internal-error";

/** Why a request was refused, or did not come to a good end. */
export type RequestFailure = RefusalReason | UpstreamFailureCode | "protocol-error" | "request-cancelled";

/** How an accepted connection ended. Every accepted socket ends in exactly one. */
export type ConnectionEnd =
  | "served"
  | "refused"
  | "handshake-failed"
  | "handshake-timeout"
  | "silent"
  | "revoked"
  | "downstream-reset"
  | "upstream-unreachable"
  | "upstream-reset"
  | "idle-timeout"
  | "lifetime-reached"
  | "protocol-error"
  | "overload"
  | "drained"
  | "internal-error";

/** One connection, written when it is over. */
export interface ConnectionRecord {
  readonly id: string;
  readonly thread: number;
  readonly port: number;
  readonly end: ConnectionEnd;
  /** Set when a policy test refused or revoked it. */
  readonly reason?: RefusalReason | undefined;
  readonly verdict?: Verdict | undefined;
  readonly policy?: string | undefined;
  readonly source?: string | undefined;
  readonly principal?: string | undefined;
  readonly address: string;
  readonly sni?: string | undefined;
  /** Presented SANs, typed: `dns:a.b`, `uri:spiffe://...`. */
  readonly sans?: readonly string[] | undefined;
  readonly nearest?: string | undefined;
  /** Further detail for people, e.g. the TLS error code. */
  readonly detail?: string | undefined;
  /** Refusals of this source that were not written since the last one. */
  readonly suppressed: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requests: number;
}

/** Where a request stands in its trace, when tracing is on. */
export interface RequestSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits, of Postern's own span. */
  readonly spanId: string;
  /** Absent where the trace begins here. */
  readonly parentId?: string;
  readonly sampled: boolean;
}

/** What is known of one HTTP exchange when it is over, beside its connection. */
export interface RequestFacts {
  readonly requestId: string;
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly protocol: `HTTP/${string}`;
  /** Zero where there was no response. */
  readonly status: number;
  /** Set when it was refused or failed. */
  readonly reason: RequestFailure | undefined;
  readonly userAgent: string | undefined;
  readonly traceparent: string | undefined;
  /** Only when it is sampled. */
  readonly span: RequestSpan | undefined;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly firstByteMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What the requests of a connection have in common while the decision on it stands. */
export interface RequestCaller {
  readonly connection: string;
  readonly thread: number;
  readonly port: number;
  readonly address: string;
  readonly policy: string | undefined;
  readonly source: string | undefined;
  readonly principal: string | undefined;
  /** Of a verified certificate. */
  readonly sans: readonly string[] | undefined;
}

/** One HTTP exchange and who it was. */
export interface RequestRecord extends RequestCaller, RequestFacts {}

/** One row of `/connections`. */
export interface ConnectionRow {
  readonly id: string;
  readonly thread: number;
  readonly port: number;
  readonly address: string;
  readonly state: "handshake" | "open" | "forbidden" | "ending";
  readonly protocol: string;
  readonly policy?: string;
  readonly source?: string;
  readonly principal?: string;
  readonly sni?: string;
  readonly sans?: readonly string[];
  readonly startedAt: number;
  readonly requests: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One distinct caller of `/peers`: what it showed, and what it got last. */
export interface PeerRow {
  readonly port: number;
  readonly address: string;
  readonly tls: boolean;
  readonly sni?: string;
  readonly certificate: "missing" | "not-requested" | "refused" | "unseen" | "verified";
  /** Of a verified certificate, typed: `dns:a.b`. */
  readonly sans: readonly string[];
  readonly verdict: Verdict;
  /** The test that refused, or in audit would have. */
  readonly reason?: RefusalReason;
  readonly policy?: string;
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** Connections. */
  readonly count: number;
}

/** Monotonic counters of one thread since it started, keyed by metric and label values. Plain numbers, summed above. */
export interface Counters {
  /** key: `port|end` or `port|end|reason`, e.g. `80|refused|source-not-listed`. */
  readonly connections: Readonly<Record<string, number>>;
  /** Connections that audit let in, key: `port|reason`. */
  readonly wouldRefuse: Readonly<Record<string, number>>;
  /** key: `port|status class|reason or empty`, e.g. `80|2xx|`, `80|4xx|principal-not-listed`. */
  readonly requests: Readonly<Record<string, number>>;
  /** key: port. */
  readonly bytesIn: Readonly<Record<string, number>>;
  readonly bytesOut: Readonly<Record<string, number>>;
  /** Open right now, by port. */
  readonly open: Readonly<Record<string, number>>;
  /** Of requests, by port. */
  readonly durations: Readonly<Record<string, DurationRow>>;
  /** Of TLS handshakes that came to a good end, by port. */
  readonly handshakes: Readonly<Record<string, DurationRow>>;
  /** Traffic lines that were not written because the output did not take them. */
  readonly linesLost: number;
}
