/** `/metrics`: counters of the threads and the state of the control side in Prometheus' text format. Label sets are bounded. */
import { collectDefaultMetrics, Registry } from "prom-client";
import { backendStates, type BackendState } from "../policy/backend-state.ts";
import { policyStatuses } from "../policy/explain/policy-statuses.ts";
import { lifeLeft } from "../tls/credentials/credentials-life.ts";
import type { Counters } from "../telemetry/records.ts";
import { VERSION } from "../telemetry/version.ts";
import { registerDiscovery } from "./discovery-metrics.ts";
import { readCounter, readGauge, type Series } from "./read-metrics.ts";
import { registerTraffic } from "./traffic-metrics.ts";
import type { ThreadInfo } from "../proxy/control/data-plane.ts";
import type { AdminSubject } from "./subject.ts";

export class AdminMetrics {
  readonly #subject: AdminSubject;
  readonly #registry = new Registry();
  /** Of the threads, as they were fetched for the scrape that is under way. */
  #counters: Counters | undefined;
  #silent: readonly number[] = [];

  constructor(subject: AdminSubject) {
    this.#subject = subject;
    // Event-loop and heap figures of the control side, under prom-client's own names.
    collectDefaultMetrics({ register: this.#registry, prefix: "postern_" });
    // Gauges under the name of counters, which promtool finds fault with; the same figures stand beside them by kind.
    for (const name of ["handles", "requests", "resources"])
      this.#registry.removeSingleMetric(`postern_nodejs_active_${name}_total`);
    this.#registerState();
    registerDiscovery(this.#registry, () => subject.discoveryCounts());
    registerTraffic(
      this.#registry,
      () => this.#counters,
      () => subject.linesLost,
    );
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    const answers = await this.#subject.dataPlane?.counters();
    this.#counters = answers?.told;
    this.#silent = answers?.silent ?? [];
    return this.#registry.metrics();
  }

  #registerState(): void {
    const subject = this.#subject;
    const registry = this.#registry;
    const gauge = (name: string, help: string, read: () => number): void =>
      readGauge(registry, { name, help }, () => [[{}, read()]]);
    readGauge(registry, { name: "postern_build_info", help: "1, by version of Postern.", labels: ["version"] }, () => [
      [{ version: VERSION }, 1],
    ]);
    gauge("postern_ready", "1 when ready.", () => (subject.unready().length === 0 ? 1 : 0));
    gauge("postern_snapshot_version", "Version of the published snapshot.", () => subject.snapshot.version);
    gauge(
      "postern_snapshot_applied_version",
      "Lowest snapshot version that all threads judge by.",
      () => subject.dataPlane?.appliedVersion() ?? 0,
    );
    gauge(
      "postern_rules",
      "Backend ports that a policy governs and opens.",
      () => [...subject.snapshot.rules.values()].filter((rule) => rule.state === "open").length,
    );
    gauge(
      "postern_policies_in_error",
      "Policies whose status is error.",
      () => policyStatuses(subject.state).filter((status) => status.currentStatus === "error").length,
    );
    readGauge(
      registry,
      {
        name: "postern_manifest_files_broken",
        help: "Manifest files that cannot be used: what they said before stays in force. Absent without --manifests.",
      },
      () =>
        subject
          .resources()
          .flatMap(({ brokenFiles }): readonly Series[] => (brokenFiles === undefined ? [] : [[{}, brokenFiles]])),
    );
    readGauge(
      registry,
      {
        name: "postern_backend_open",
        help: "1 when somebody may get in at the backend port, 0 with the reason when nobody may.",
        labels: ["port", "reason"],
      },
      () => backendStates(subject.state).map(({ port, open, reason }): Series => [{ port, reason }, open ? 1 : 0]),
    );
    readGauge(
      registry,
      {
        name: "postern_audit_end_timestamp_seconds",
        help: "Until when refusals by address or name are only counted at the backend port; absent where they are enforced.",
        labels: ["port"],
      },
      () => backendStates(subject.state).flatMap(auditEnd),
    );
    gauge("postern_certificate_expiry_timestamp_seconds", "End of our own certificate; 0 without one.", () =>
      Math.round((subject.credentials?.notAfter ?? 0) / 1000),
    );
    gauge("postern_certificate_age_seconds", "Time since our own certificate began; 0 without one.", () =>
      subject.credentials === undefined ? 0 : (Date.now() - subject.credentials.notBefore) / 1000,
    );
    readCounter(
      registry,
      {
        name: "postern_certificate_reload_failures_total",
        help: "Certificates that could not be used: files, answers of the SPIFFE Workload API or of the mesh's controller.",
      },
      () => [[{}, subject.credentialFailures]],
    );
    gauge(
      "postern_certificate_files_unusable",
      "1 while what the certificate files, the SPIFFE Workload API or the mesh's controller give is not what is in force.",
      () => (subject.credentialProblem === undefined ? 0 : 1),
    );
    gauge(
      "postern_certificate_life_left_ratio",
      "Share of our own certificate's life that is left; 0 without one.",
      () => (subject.credentials === undefined ? 0 : lifeLeft(subject.credentials, Date.now())),
    );
    gauge("postern_crl_expiry_timestamp_seconds", "End of the first revocation list; 0 without one.", () => {
      const ends = subject.credentials?.lists.flatMap(({ nextUpdate }) => nextUpdate ?? []) ?? [];
      return ends.length === 0 ? 0 : Math.round(Math.min(...ends) / 1000);
    });
    gauge(
      "postern_certificate_generation",
      "Accepted certificates so far.",
      () => subject.credentials?.generation ?? 0,
    );
    const threads = function* (read: (thread: ThreadInfo) => number): Iterable<Series> {
      for (const info of subject.dataPlane?.threads() ?? []) yield [{ thread: info.thread }, read(info)];
    };
    readGauge(
      registry,
      {
        name: "postern_thread_lagging",
        help: "1 when the thread does not have in force what was published.",
        labels: ["thread"],
      },
      () => threads(({ lag }) => (lag === undefined ? 0 : 1)),
    );
    readGauge(
      registry,
      {
        name: "postern_thread_silent",
        help: "1 when the thread did not answer this scrape in time: its share of the counters is that of its last heartbeat.",
        labels: ["thread"],
      },
      () => threads(({ thread }) => (this.#silent.includes(thread) ? 1 : 0)),
    );
    readCounter(
      registry,
      {
        name: "postern_thread_restarts_total",
        help: "Threads that took the place of another.",
        labels: ["thread"],
      },
      () => threads(({ restarts }) => restarts),
    );
    readGauge(
      registry,
      {
        name: "postern_discovery_age_seconds",
        help: "Time since the data was known to be current.",
        labels: ["resource"],
      },
      () =>
        subject
          .resources()
          .flatMap(({ resource, freshAt }): readonly Series[] =>
            freshAt === undefined ? [] : [[{ resource }, (Date.now() - freshAt) / 1000]],
          ),
    );
  }
}

/** The last end of a port's audits. */
function auditEnd({ port, policies }: BackendState): readonly Series[] {
  const end = Math.max(0, ...policies.map(({ auditUntil = 0 }) => auditUntil));
  return end === 0 ? [] : [[{ port }, Math.round(end / 1000)]];
}
