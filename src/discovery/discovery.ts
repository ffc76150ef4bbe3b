/** What every source of policy offers the control side, whether a directory or an API server feeds it. */
import type { WatchHealth } from "../api-server/watch/watch-health.ts";
import type { World } from "../policy/model.ts";
import type { PolicyStatus } from "../policy/snapshot.ts";

/** State of one kind of object that is being followed. */
export interface ResourceHealth extends WatchHealth {
  /** Manifest files that are there and cannot be used; absent where there are no files. */
  readonly brokenFiles?: number;
}

/** Callbacks of the control side. They must not throw. */
export interface DiscoveryListener {
  /** A complete, consistent world. Called first when everything needed has synced, then on every change. */
  readonly onWorld: (world: World, services: readonly string[]) => void;
}

/** What following costs and met since the start. Counts only grow. */
export interface DiscoveryCounts {
  /** By resource, then by what happened, e.g. `list`, `watch`, `event`. */
  readonly events: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** By resource, then by the class of error, e.g. `forbidden`. */
  readonly failures: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Connections that were made, and those that are open now. */
  readonly connections: number;
  readonly openConnections: number;
  readonly requests: number;
  readonly receivedBytes: number;
  readonly statusWrites: number;
}

export interface Discovery {
  /** Begins following and returns without waiting for a sync. Rejects only for what an operator must mend (a directory that does not exist). */
  start(listener: DiscoveryListener): Promise<void>;
  health(): readonly ResourceHealth[];
  /** Where there is an API server. */
  counts?(): DiscoveryCounts;
  /** Where objects have a status: hands over what should stand there. Never throws. */
  publishStatuses?(statuses: readonly PolicyStatus[]): void;
  stop(): Promise<void>;
}
