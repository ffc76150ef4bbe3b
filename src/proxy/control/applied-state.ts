/**
 * What one thread was sent and has said of it. A thread that does not have in force what was published judges by rights
 * that may have been taken away, so the data plane has to know.
 */
import type { ThreadStart } from "../messages.ts";

/** Heartbeats, one a second, for which a thread may have something unapplied before it counts as lagging. */
export const LAG_HEARTBEATS = 5;

/** What a thread should have in force and has not. */
export interface ThreadLag {
  readonly what: "snapshot" | "credentials";
  /** Version of the snapshot, or generation of the credentials (zero: none). */
  readonly version: number;
  /** When it was sent; milliseconds since the epoch. */
  readonly since: number;
  /** Why it could not be applied; absent where it is merely late. */
  readonly problem?: string;
}

interface Sent extends ThreadLag {
  readonly heartbeat: number;
}

/** One thread's side of what was published. Counts heartbeats and not time, so that a busy control thread blames nobody. */
export class AppliedState {
  #snapshotVersion: number;
  #credentialsGeneration: number | undefined;
  #heartbeat = 0;
  /** Not applied yet, oldest first: a thread applies in the order in which it was sent. */
  #pending: readonly Sent[] = [];
  #failure: ThreadLag | undefined;

  /** The snapshot of the start is in force when the thread is; of its credentials the thread tells. */
  constructor({ snapshot, credentials }: Pick<ThreadStart, "snapshot" | "credentials">) {
    this.#snapshotVersion = snapshot.version;
    this.sent("credentials", credentials?.generation ?? 0);
  }

  get snapshotVersion(): number {
    return this.#snapshotVersion;
  }

  /** Zero: none. `undefined`: the thread could apply no credentials yet. */
  get credentialsGeneration(): number | undefined {
    return this.#credentialsGeneration;
  }

  /** What could not be applied, else what is late; `undefined` as long as the thread keeps up. */
  get lag(): ThreadLag | undefined {
    return this.#failure ?? this.late;
  }

  /** The oldest of what was sent that is not applied, when it is late. */
  get late(): ThreadLag | undefined {
    const [oldest] = this.#pending;
    if (oldest === undefined || this.#heartbeat - oldest.heartbeat < LAG_HEARTBEATS) return undefined;
    const { what, version, since } = oldest;
    return { what, version, since };
  }

  sent(what: ThreadLag["what"], version: number): void {
    this.#pending = [...this.#pending, { what, version, since: Date.now(), heartbeat: this.#heartbeat }];
  }

  applied(what: ThreadLag["what"], version: number): void {
    this.#settle(what, version);
    if (what === "snapshot") this.#snapshotVersion = version;
    else this.#credentialsGeneration = version;
    if (this.#failure?.what === what) this.#failure = undefined;
  }

  /** @returns the lag that stands from now on, until something newer of the same kind is applied */
  failed(what: ThreadLag["what"], version: number, problem: string): ThreadLag {
    const since = this.#settle(what, version)?.since ?? Date.now();
    this.#failure = { what, version, since, problem };
    return this.#failure;
  }

  heartbeat(): void {
    this.#heartbeat += 1;
  }

  /** Takes off the list what was sent of this kind, up to this version. */
  #settle(what: ThreadLag["what"], version: number): Sent | undefined {
    const settled = this.#pending.find((sent) => sent.what === what && sent.version === version);
    if (settled === undefined) return undefined;
    const end = this.#pending.indexOf(settled);
    this.#pending = this.#pending.filter((sent, index) => sent.what !== what || index > end);
    return settled;
  }
}

/** In words, for the log and for readiness. */
export function describeLag({ what, version, problem }: ThreadLag): string {
  return problem === undefined
    ? `has not applied ${what} ${version} within ${LAG_HEARTBEATS} heartbeats`
    : `could not apply ${what} ${version}: ${problem}`;
}
