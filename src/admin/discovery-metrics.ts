/** What following an API server cost and met, in Prometheus' text format. Resources are named by Services, which the policies bound. */
import type { DiscoveryCounts } from "../discovery/discovery.ts";

export function discoveryText(counts: DiscoveryCounts): string {
  const lines: string[] = [];
  const family = (name: string, type: "counter" | "gauge", help: string, rows: readonly string[]): void => {
    lines.push(`# HELP postern_discovery_${name} ${help}`, `# TYPE postern_discovery_${name} ${type}`);
    lines.push(...rows.map((row) => `postern_discovery_${name}${row}`));
  };
  family("events_total", "counter", "Lists, watches and what they brought.", rowsOf(counts.events, "event"));
  family("failures_total", "counter", "Attempts that failed, by class of error.", rowsOf(counts.failures, "class"));
  family("connections_total", "counter", "Connections made to the API server.", [` ${counts.connections}`]);
  family("open_connections", "gauge", "Connections to the API server that are open.", [` ${counts.openConnections}`]);
  family("requests_total", "counter", "Requests to the API server.", [` ${counts.requests}`]);
  family("received_bytes_total", "counter", "Bytes of responses, without framing.", [` ${counts.receivedBytes}`]);
  family("status_writes_total", "counter", "Statuses that this replica wrote.", [` ${counts.statusWrites}`]);
  return `${lines.join("\n")}\n`;
}

function rowsOf(counts: DiscoveryCounts["events"], label: string): readonly string[] {
  return [...counts].flatMap(([resource, byLabel]) =>
    Object.entries(byLabel).map(([value, count]) => `{resource="${resource}",${label}="${value}"} ${count}`),
  );
}
