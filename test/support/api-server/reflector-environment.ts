/** What reflectors of a test share: the system's time, and a log that nobody reads. */
import type { ApiClient } from "../../../src/api-server/client.ts";
import { SYSTEM_CLOCK } from "../../../src/api-server/clock.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { Outage } from "../../../src/api-server/watch/outage.ts";
import type { ReflectorEnvironment } from "../../../src/api-server/watch/reflector-environment.ts";
import { Report } from "../../../src/api-server/watch/report.ts";
import { createLog } from "../../../src/telemetry/log.ts";

export function reflectorEnvironment(client: ApiClient): ReflectorEnvironment {
  return {
    client,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    report: new Report(
      createLog("error", () => undefined),
      SYSTEM_CLOCK,
    ),
    timing: DEFAULT_TIMING,
    outage: new Outage(SYSTEM_CLOCK, Math.random, DEFAULT_TIMING),
  };
}
