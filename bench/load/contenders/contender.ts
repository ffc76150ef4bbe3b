/** Who is measured: each does the same work, TLS ended in front of one application, callers judged by their address. */
import type { Certificates } from "../certificates.ts";
import type { Child } from "../processes/pinned-process.ts";

/** Where a contender is started: what it finds and where it is to listen. */
export interface Place {
  /** A folder of its own, empty. */
  readonly directory: string;
  readonly certificates: Certificates;
  readonly appPort: number;
  readonly ports: Ports;
  /** A file descriptor for the standard output of a contender that logs every request. */
  readonly accessLog: number;
  /** Has its data threads ready to write a profile, which costs them a look at a folder now and then; Postern alone can. */
  readonly profiled: boolean;
}

export interface Ports {
  /** TLS that asks for no client certificate. */
  readonly serverOnly: number;
  /** TLS that demands the gateway's certificate. */
  readonly mutual: number;
}

export interface Contender {
  readonly name: string;
  /** What `--only` calls it: variants of one contender share it. */
  readonly family: string;
  readonly note: string;
  /** Why it cannot run here; `undefined` when it can. */
  readonly missing: () => string | undefined;
  /** Its processes, all on the proxy's core. */
  readonly start: (place: Place) => readonly Child[];
  /** Refuses callers that are not 127.0.0.1. */
  readonly judgesAddress: boolean;
  /** Speaks HTTP/2 to whoever asks for it in the handshake, and HTTP/1.1 to the application. */
  readonly http2: boolean;
}
