/** What the admin pages look at: the sidecar, read-only. */
import type { Config } from "../config/config.ts";
import type { DiscoveryCounts, ResourceHealth } from "../discovery/discovery.ts";
import type { ServiceState } from "../policy/service-state.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { DataPlane } from "../proxy/control/data-plane.ts";
import type { Log } from "../telemetry/log.ts";
import type { Credentials } from "../tls/credentials.ts";

export interface AdminSubject {
  readonly config: Config;
  readonly log: Log;
  readonly snapshot: Snapshot;
  /** The process is in audit until then, if it ever was; milliseconds since the epoch. */
  readonly auditUntil: number | undefined;
  /** All that decides on a connection beside its caller, as it is when asked. */
  readonly state: ServiceState;
  readonly credentials: Credentials | undefined;
  /** How often what the source of certificates gave could not be used, since the start. */
  readonly credentialFailures: number;
  /** What is wrong with what the source gives now. */
  readonly credentialProblem: string | undefined;
  /** Log lines that the output did not take, beside those that the threads have counted. */
  readonly linesLost: number;
  readonly dataPlane: DataPlane | undefined;
  readonly draining: boolean;
  /** Settles when the drain is over. */
  readonly drained: Promise<void>;
  resources(): readonly ResourceHealth[];
  /** Absent where nothing is asked of a server. */
  discoveryCounts(): DiscoveryCounts | undefined;
  /** Empty when ready. */
  unready(): readonly string[];
}
