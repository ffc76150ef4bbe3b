/** The whole of what decides on a connection beside the caller. backend-state.ts says what a port makes of it. */
import type { BackendPort } from "./model.ts";
import type { Snapshot } from "./snapshot.ts";

/** Our own certificate, as far as handshakes depend on it. */
export type OwnCertificate =
  /** `problem`: why there is none although files are configured. */
  | { readonly state: "none"; readonly problem?: string }
  | {
      readonly state: "held";
      /** In the words of a message: `--tls-cert /certs/tls.crt`. */
      readonly origin: string;
      /** Milliseconds since the epoch. */
      readonly notBefore: number;
      readonly notAfter: number;
      /** When the first revocation list ends whose end refuses its issuer's callers. */
      readonly listsEnd?: number;
      readonly listsOrigin?: string;
    }
  /** Nobody has one to look at: a question without a sidecar. */
  | { readonly state: "supposed" };

export interface ServiceState {
  readonly snapshot: Snapshot;
  readonly certificate: OwnCertificate;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Backend ports that have a listener. Absent: not known, or this is asked of an accepted connection. */
  readonly listeners?: ReadonlySet<BackendPort>;
  /** `announced`: asked to end, and still listening. `closing`: what is queued is served, nothing new is taken. */
  readonly drain?: "announced" | "closing";
  /** What each lagging thread does not have in force, in words. */
  readonly lags?: readonly string[];
  /** Why the manifests are not in force as they lie there, in words. */
  readonly brokenManifest?: string;
}

/** The state of whoever has nothing but a snapshot. */
export function supposing(snapshot: Snapshot, now = 0): ServiceState {
  return { snapshot, certificate: { state: "supposed" }, now };
}
