/**
 * What carries the bytes of an admitted connection: one implementation per forwarding mode, chosen per backend.
 * A forwarder never decides; it reads the connection's decision, which is re-judged with every snapshot.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { BackendConfig } from "../../config/config.ts";
import type { Decision, Peer } from "../../policy/decision.ts";
import type { ConnectionEnd, RequestFacts } from "../../telemetry/records.ts";

export type DownstreamSocket = Socket | TLSSocket;

/** One admitted connection, as a forwarder sees it. Its phase is AcceptedConnection's business. */
export interface Connection {
  readonly id: string;
  readonly backend: BackendConfig;
  /** Source address as read once at accept. */
  readonly address: string;
  /** Age in milliseconds of the monotonic clock: a step of the wall clock changes nothing. */
  readonly ageMs: number;
  readonly socket: DownstreamSocket;
  /** What the caller speaks on an http backend: agreed on by ALPN, or told by HTTP/2's preface. */
  readonly protocol: "http/1.1" | "http/2";
  readonly peer: Peer;
  /** `forward`, or `forbidden` on an http backend: then every request gets 403. Re-judged with every snapshot. */
  readonly decision: Decision;
  /** Makes the judgement that a change of trust has left due, which may end the connection: before anything new is served. */
  judgeNow(): void;
  /** Value for `x-forwarded-client-cert`; absent where no certificate was verified or the header is only stripped. */
  readonly clientCertHeader: string | undefined;
  readonly requests: number;
  requestBegan(): void;
  /** Plain bytes (inside TLS) read from and written to the caller so far. Kept by the socket: forwarders never add to them. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Says why it is about to end, for its record. Does not close the socket. A second cause counts only where it says more. */
  end(end: ConnectionEnd, detail?: string): void;
  /** The caller speaks TLS where none is expected: its record says so. Does not close the socket. */
  refuseTls(): void;
  /** A callback of this connection threw: it is cut, and its record names the fault. Never throws. */
  fault(error: Error): void;
  /** Ends the connection with a TCP reset, under TLS too, so that the cut cannot pass for an orderly end. */
  reset(): void;
}

/** Where a forwarder reports the exchanges it carried: counted always, logged within the limits. */
export interface TrafficSink {
  exchange(facts: RequestFacts, connection: Connection): void;
  /** A request that policy refused, on a connection that is kept. Its line says what came nearest. */
  forbidden(facts: RequestFacts, connection: Connection): void;
}

export interface Forwarder {
  /** Takes the connection over. Called in the same tick as the decision and the entry in the table. */
  serve(connection: Connection): void;
  /** The connection lost its right: no further request; what is in flight may finish within the grace; then it is closed. Streams are cut at once. */
  revoke(connection: Connection): void;
  /** The process is going away: finish what is in flight, tell the peer (`Connection: close`, GOAWAY), close what is idle. */
  drain(connection: Connection): void;
}
