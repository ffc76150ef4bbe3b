/** What all reflectors of one process share. */
import type { ApiClient } from "../client.ts";
import type { Clock } from "../clock.ts";
import type { Outage } from "./outage.ts";
import type { Report } from "./report.ts";
import type { KubernetesTiming } from "../timing.ts";

export interface ReflectorEnvironment {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  readonly timing: KubernetesTiming;
  readonly outage: Outage;
}
