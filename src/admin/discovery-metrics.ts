/** What following an API server cost and met. Resources are named by Services, which the policies bound. */
import type { Registry } from "prom-client";
import type { DiscoveryCounts } from "../discovery/discovery.ts";
import { readCounter, readGauge, type Series } from "./read-metrics.ts";

/** @param read `undefined` where nothing is asked of a server: then there is no series */
export function registerDiscovery(registry: Registry, read: () => DiscoveryCounts | undefined): void {
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    series: (counts: DiscoveryCounts) => Iterable<Series>,
  ): void =>
    readCounter(registry, { name: `postern_discovery_${name}`, help, labels }, () => {
      const counts = read();
      return counts === undefined ? [] : series(counts);
    });
  const total = (name: string, help: string, value: (counts: DiscoveryCounts) => number): void =>
    counter(name, help, [], (counts) => [[{}, value(counts)]]);

  counter("events_total", "Lists, watches and what they brought.", ["resource", "event"], ({ events }) =>
    nested(events, "event"),
  );
  counter("failures_total", "Attempts that failed, by class of error.", ["resource", "class"], ({ failures }) =>
    nested(failures, "class"),
  );
  total("connections_total", "Connections made to the API server.", ({ connections }) => connections);
  total("requests_total", "Requests to the API server.", ({ requests }) => requests);
  total("received_bytes_total", "Bytes of responses, without framing.", ({ receivedBytes }) => receivedBytes);
  total("status_writes_total", "Statuses that this replica wrote.", ({ statusWrites }) => statusWrites);
  readGauge(
    registry,
    { name: "postern_discovery_open_connections", help: "Connections to the API server that are open." },
    () => {
      const counts = read();
      return counts === undefined ? [] : [[{}, counts.openConnections]];
    },
  );
}

function* nested(counts: DiscoveryCounts["events"], label: string): Iterable<Series> {
  for (const [resource, byLabel] of counts)
    for (const [value, count] of Object.entries(byLabel)) yield [{ resource, [label]: value }, count];
}
