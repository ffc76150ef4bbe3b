/** All that the status page shows, read at one moment. */
import type { BackendConfig, Config } from "../../config/config.ts";
import type { ResourceHealth } from "../../discovery/discovery.ts";
import type { BackendState } from "../../policy/backend-state.ts";
import type { ServiceState } from "../../policy/service-state.ts";
import type { ThreadInfo } from "../../proxy/control/data-plane.ts";
import type { Counters, PeerRow } from "../../telemetry/records.ts";
import type { Credentials } from "../../tls/credentials.ts";

export interface StatusFacts {
  readonly config: Config;
  readonly state: ServiceState;
  readonly backends: readonly BackendState[];
  /** With the addresses that are really listened on; empty before the threads have started. */
  readonly listening: readonly BackendConfig[];
  /** What keeps the sidecar from being ready. */
  readonly unready: readonly string[];
  readonly credentials: Credentials | undefined;
  /** What is wrong with the files as they are. */
  readonly credentialProblem: string | undefined;
  readonly credentialFailures: number;
  readonly resources: readonly ResourceHealth[];
  readonly threads: readonly ThreadInfo[];
  /** `undefined`: a thread did not say in time, or there is none yet. */
  readonly counters: Counters | undefined;
  /** Without those that only silent threads remember. */
  readonly peers: readonly PeerRow[];
  /** Threads that did not say in time whom they remember. */
  readonly silent: readonly number[];
}
