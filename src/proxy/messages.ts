/**
 * Everything that crosses between the control side and a data-plane thread. Both sides share nothing else.
 */
import type { BackendConfig, ClientCertHeader, Limits } from "../config/config.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { LogLevel } from "../telemetry/log.ts";
import type { LineBatch } from "../telemetry/log-output.ts";
import type { ConnectionRow, Counters, PeerRow, RequestRecord } from "../telemetry/records.ts";
import type { Credentials } from "../tls/credentials.ts";
import type { TicketProblem, TicketSecret } from "../tls/session-tickets.ts";

/** `workerData` of a data-plane thread: what is known of it before anything else is. */
export interface ThreadWorkerData {
  readonly thread: number;
}

/** What a data-plane thread serves, and by what. Limits are already divided among the threads. */
export interface ThreadStart {
  readonly thread: number;
  readonly backends: readonly BackendConfig[];
  readonly limits: Limits;
  readonly clientCertHeader: ClientCertHeader;
  readonly accessLog: boolean;
  readonly logLevel: LogLevel;
  /** Absent: no spans. The share of new traces that are sampled. */
  readonly traceRatio?: number;
  readonly snapshot: Snapshot;
  readonly credentials: Credentials | undefined;
  /** Absent: no TLS session is resumed. */
  readonly ticketSecret: TicketSecret | undefined;
}

/** Global function of a thread, for whoever interrupts it while it hangs: see control/close-connections.ts. */
export const CLOSE_CONNECTIONS = "posternCloseConnections";

/** Control side to thread: the start is the first, and there is one. */
export type ThreadMessage = { readonly kind: "start"; readonly start: ThreadStart } | ThreadCommand;

export type ThreadCommand =
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot }
  | { readonly kind: "credentials"; readonly credentials: Credentials | undefined }
  /** For sessions of from now on; former ones are resumed no more. */
  | { readonly kind: "ticket-secret"; readonly secret: TicketSecret | undefined }
  /** Stop keeping connections alive, finish what is in flight, then close the listeners; `deadlineMs` from now everything left is cut. */
  | { readonly kind: "drain"; readonly deadlineMs: number }
  | { readonly kind: "ping"; readonly sequence: number }
  /** The output has taken one batch of lines, the oldest. */
  | { readonly kind: "lines-taken" }
  | { readonly kind: "report"; readonly id: number; readonly what: ReportKind };

/** What a thread may be asked for. */
export type ReportKind = "connections" | "counters" | "peers";

/** Thread to control side. */
export type ThreadEvent =
  /** All listeners are bound. */
  | { readonly kind: "listening" }
  | {
      readonly kind: "listen-failed";
      readonly port: number;
      readonly listen: string;
      readonly code: string;
      readonly message: string;
    }
  /** A snapshot is in force and every live connection was re-judged with it. */
  | { readonly kind: "applied"; readonly version: number }
  /** These credentials are in force for handshakes and whatever is served from now on; streams that go on are judged in slices. */
  | { readonly kind: "credentials-applied"; readonly generation: number }
  /** They could not be applied: no handshake is begun until others are, and connections that they do not trust are ended. */
  | { readonly kind: "credentials-failed"; readonly generation: number; readonly message: string }
  /** The counters ride along, so that a thread that dies takes at most the last heartbeat interval with it. */
  | { readonly kind: "pong"; readonly sequence: number; readonly counters: Counters }
  /** Something an operator should know and that is nobody's connection, e.g. accept failed for want of descriptors. */
  | { readonly kind: "problem"; readonly message: string }
  /** A TLS session was resumed that should not have been, or one was left behind that should not be. */
  | { readonly kind: "ticket-problem"; readonly problem: TicketProblem }
  /** Log lines of requests and connections, ready to be written. Each batch is answered by `lines-taken`. */
  | { readonly kind: "lines"; readonly batch: LineBatch }
  /** Requests that are sampled in their trace. */
  | { readonly kind: "spans"; readonly records: readonly RequestRecord[] }
  | { readonly kind: "counters"; readonly id: number; readonly counters: Counters }
  | { readonly kind: "connections"; readonly id: number; readonly rows: readonly ConnectionRow[] }
  | { readonly kind: "peers"; readonly id: number; readonly rows: readonly PeerRow[] }
  /** The drain is over; `cut` connections had to be ended at the deadline. */
  | { readonly kind: "drained"; readonly cut: number };
