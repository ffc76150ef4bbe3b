/** State of one kind of object that is being followed. */
export interface WatchHealth {
  /** e.g. `manifests`, `ingressbackends`, `endpointslices gateways/edge`. */
  readonly resource: string;
  readonly synced: boolean;
  /** When the data was last known to be current; milliseconds since the epoch, `undefined` before the first sync. */
  readonly freshAt?: number;
  /** The last failure, as long as it stands. */
  readonly failure?: string;
}
