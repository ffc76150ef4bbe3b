/** `/metrics`: counters of the threads and the state of the control side in Prometheus' text format. Label sets are bounded. */
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { backendStates } from "../policy/backend-state.ts";
import { policyStatuses } from "../policy/policy-statuses.ts";
import { lifeLeft } from "../tls/credentials-life.ts";
import { DURATION_BUCKETS, type Counters } from "../telemetry/records.ts";
import { discoveryText } from "./discovery-metrics.ts";
import type { ThreadInfo } from "../proxy/control/data-plane.ts";
import type { AdminSubject } from "./subject.ts";

export class AdminMetrics {
  readonly #subject: AdminSubject;
  readonly #registry = new Registry();

  constructor(subject: AdminSubject) {
    this.#subject = subject;
    // Event-loop and heap figures of the control side, under prom-client's own names.
    collectDefaultMetrics({ register: this.#registry, prefix: "postern_" });
    this.#registerState();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    const discovery = this.#subject.discoveryCounts();
    const state = `${await this.#registry.metrics()}${discovery === undefined ? "" : discoveryText(discovery)}`;
    const counters = await this.#subject.dataPlane?.counters();
    if (counters === undefined) return state;
    return `${state}${trafficText(counters, this.#subject.linesLost)}`;
  }

  #registerState(): void {
    const subject = this.#subject;
    const registers = [this.#registry];
    const gauge = (name: string, help: string, read: () => number): void => {
      void new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };
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
    void new Gauge({
      name: "postern_backend_open",
      help: "1 when somebody may get in at the backend port, 0 with the reason when nobody may.",
      labelNames: ["port", "reason"],
      registers,
      collect() {
        this.reset();
        for (const { port, open, reason } of backendStates(subject.state)) this.set({ port, reason }, open ? 1 : 0);
      },
    });
    void new Gauge({
      name: "postern_audit_end_timestamp_seconds",
      help: "Until when refusals by address or name are only counted at the backend port; absent where they are enforced.",
      labelNames: ["port"],
      registers,
      collect() {
        this.reset();
        const { state } = subject;
        for (const rule of state.snapshot.rules.values())
          if (rule.state === "open" && rule.auditUntil !== undefined && state.now < rule.auditUntil)
            this.set({ port: rule.port }, Math.round(rule.auditUntil / 1000));
      },
    });
    gauge("postern_certificate_expiry_timestamp_seconds", "End of our own certificate; 0 without one.", () =>
      Math.round((subject.credentials?.notAfter ?? 0) / 1000),
    );
    gauge(
      "postern_certificate_reload_failures_total",
      "Certificate files, or answers of the SPIFFE Workload API, that could not be used.",
      () => subject.credentialFailures,
    );
    gauge(
      "postern_certificate_files_unusable",
      "1 while what the certificate files or the SPIFFE Workload API give is not what is in force.",
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
    const perThread = (name: string, help: string, read: (thread: ThreadInfo) => number): void => {
      void new Gauge({
        name,
        help,
        labelNames: ["thread"],
        registers,
        collect() {
          for (const info of subject.dataPlane?.threads() ?? []) this.set({ thread: info.thread }, read(info));
        },
      });
    };
    perThread("postern_thread_lagging", "1 when the thread does not have in force what was published.", ({ lag }) =>
      lag === undefined ? 0 : 1,
    );
    perThread("postern_thread_restarts_total", "Threads that took the place of another.", ({ restarts }) => restarts);
    void new Gauge({
      name: "postern_discovery_age_seconds",
      help: "Time since the data was known to be current.",
      labelNames: ["resource"],
      registers,
      collect() {
        this.reset();
        for (const { resource, freshAt } of subject.resources())
          if (freshAt !== undefined) this.set({ resource }, (Date.now() - freshAt) / 1000);
      },
    });
  }
}

/** Counters of the threads are cumulative already, which prom-client's own counters could only be made to follow. */
function trafficText(counters: Counters, linesLost: number): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, rows: readonly string[]): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...rows);
  };
  family(
    "postern_connections_total",
    "counter",
    "Connections by how they ended, and the test that refused them.",
    Object.entries(counters.connections).map(([key, value]) => {
      const [port = "", end = "", reason = ""] = key.split("|");
      return `postern_connections_total{port="${port}",end="${end}",reason="${reason}"} ${value}`;
    }),
  );
  family(
    "postern_would_refuse_total",
    "counter",
    "Connections that audit let in, by the test that would have refused them.",
    Object.entries(counters.wouldRefuse).map(([key, value]) => {
      const [port = "", reason = ""] = key.split("|");
      return `postern_would_refuse_total{port="${port}",reason="${reason}"} ${value}`;
    }),
  );
  family(
    "postern_requests_total",
    "counter",
    "HTTP requests by class of status, and why they failed.",
    Object.entries(counters.requests).map(([key, value]) => {
      const [port = "", status = "", reason = ""] = key.split("|");
      return `postern_requests_total{port="${port}",status="${status}",reason="${reason}"} ${value}`;
    }),
  );
  family(
    "postern_received_bytes_total",
    "counter",
    "Bytes from callers.",
    perPort("postern_received_bytes_total", counters.bytesIn),
  );
  family(
    "postern_sent_bytes_total",
    "counter",
    "Bytes to callers.",
    perPort("postern_sent_bytes_total", counters.bytesOut),
  );
  family(
    "postern_open_connections",
    "gauge",
    "Connections that are open.",
    perPort("postern_open_connections", counters.open),
  );
  family(
    "postern_request_duration_seconds",
    "histogram",
    "From the request's header to the end of the response.",
    Object.entries(counters.durations).flatMap(durationRows),
  );
  family("postern_log_lines_dropped_total", "counter", "Log lines that their reader did not take in time.", [
    `postern_log_lines_dropped_total ${counters.linesLost + linesLost}`,
  ]);
  return `${lines.join("\n")}\n`;
}

function perPort(name: string, values: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(values).map(([port, value]) => `${name}{port="${port}"} ${value}`);
}

function durationRows([port, row]: readonly [string, readonly number[]]): readonly string[] {
  const name = "postern_request_duration_seconds";
  const count = row[DURATION_BUCKETS.length + 1] ?? 0;
  return [
    ...DURATION_BUCKETS.map((bound, index) => `${name}_bucket{port="${port}",le="${bound}"} ${row[index] ?? 0}`),
    `${name}_bucket{port="${port}",le="+Inf"} ${count}`,
    `${name}_sum{port="${port}"} ${row[DURATION_BUCKETS.length] ?? 0}`,
    `${name}_count{port="${port}"} ${count}`,
  ];
}
