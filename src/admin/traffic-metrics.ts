/** What the threads have counted. */
import type { Registry } from "prom-client";
import type { Counters } from "../telemetry/records.ts";
import { readCounter, readDurations, readGauge, type Series } from "./read-metrics.ts";

/** @param read the sum of the threads, as it was fetched for this scrape; `undefined` before they have started */
export function registerTraffic(registry: Registry, read: () => Counters | undefined, linesLost: () => number): void {
  readCounter(
    registry,
    {
      name: "postern_connections_total",
      help: "Connections by how they ended, and the test that refused them.",
      labels: ["port", "end", "reason"],
    },
    () => keyed(read()?.connections, ["port", "end", "reason"]),
  );
  readCounter(
    registry,
    {
      name: "postern_would_refuse_total",
      help: "Connections that audit let in, by the test that would have refused them.",
      labels: ["port", "reason"],
    },
    () => keyed(read()?.wouldRefuse, ["port", "reason"]),
  );
  readCounter(
    registry,
    {
      name: "postern_requests_total",
      help: "HTTP requests by class of status, and why they failed.",
      labels: ["port", "status", "reason"],
    },
    () => keyed(read()?.requests, ["port", "status", "reason"]),
  );
  const perPort = { labels: ["port"] } as const;
  readCounter(registry, { name: "postern_received_bytes_total", help: "Bytes from callers.", ...perPort }, () =>
    keyed(read()?.bytesIn, ["port"]),
  );
  readCounter(registry, { name: "postern_sent_bytes_total", help: "Bytes to callers.", ...perPort }, () =>
    keyed(read()?.bytesOut, ["port"]),
  );
  readGauge(registry, { name: "postern_open_connections", help: "Connections that are open.", ...perPort }, () =>
    keyed(read()?.open, ["port"]),
  );
  readDurations(
    registry,
    { name: "postern_request_duration_seconds", help: "From the request's header to the end of the response." },
    () => read()?.durations ?? {},
  );
  readDurations(
    registry,
    {
      name: "postern_handshake_duration_seconds",
      help: "TLS handshakes that came to a good end, from the verdict on the address to the end of the handshake.",
    },
    () => read()?.handshakes ?? {},
  );
  readCounter(
    registry,
    { name: "postern_log_lines_dropped_total", help: "Log lines that their reader did not take in time." },
    () => [[{}, (read()?.linesLost ?? 0) + linesLost()]],
  );
}

/** Keys of the threads hold the values of their labels, parted by bars; a last one may be missing. */
function* keyed(values: Readonly<Record<string, number>> | undefined, labels: readonly string[]): Iterable<Series> {
  for (const [key, value] of Object.entries(values ?? {})) {
    const parts = key.split("|");
    yield [Object.fromEntries(labels.map((label, index) => [label, parts[index] ?? ""])), value];
  }
}
