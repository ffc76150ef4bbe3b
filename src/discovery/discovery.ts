/** What every source of policy offers the control side, whether a directory or an API server feeds it. */
import type { World } from "../policy/model.ts";

/** State of one kind of object that is being followed. */
export interface ResourceHealth {
  /** e.g. `manifests`, `ingressbackends`, `endpointslices gateways/edge`. */
  readonly resource: string;
  readonly synced: boolean;
  /** When the data was last known to be current; milliseconds since the epoch, `undefined` before the first sync. */
  readonly freshAt?: number;
  /** The last failure, as long as it stands. */
  readonly failure?: string;
}

/** Callbacks of the control side. They must not throw. */
export interface DiscoveryListener {
  /** A complete, consistent world. Called first when everything needed has synced, then on every change. */
  readonly onWorld: (world: World, services: readonly string[]) => void;
}

export interface Discovery {
  /** Begins following; returns once the first attempt was made, synced or not. Rejects only for what an operator must mend (a directory that does not exist). */
  start(listener: DiscoveryListener): Promise<void>;
  health(): readonly ResourceHealth[];
  stop(): Promise<void>;
}
