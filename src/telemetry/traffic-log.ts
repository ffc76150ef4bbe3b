/**
 * Traffic records as log lines. A refusal says policy, reason, source address and presented SANs; what is shown of a
 * request never includes its query, which may hold secrets.
 */
import type { Log } from "./log.ts";
import type { ConnectionEnd, ConnectionRecord, RequestRecord, TrafficRecord } from "./records.ts";

/** @param accessLog off: ordinary requests, which are here for their span alone, have no line */
export function writeTraffic(log: Log, records: readonly TrafficRecord[], accessLog: boolean): void {
  for (const record of records) {
    if (record.kind === "request") {
      if (accessLog || record.reason !== undefined) writeRequest(log, record);
    } else writeConnection(log, record);
  }
}

function writeRequest(log: Log, record: RequestRecord): void {
  const { kind: _, span: __, ...fields } = record;
  const line = { event: "request", ...fields };
  if (record.status === 403 && record.reason !== undefined) log.warn(line, "request refused");
  else if (record.reason === undefined) log.info(line, "request");
  else log.warn(line, "request failed");
}

function writeConnection(log: Log, record: ConnectionRecord): void {
  const { kind: _, ...fields } = record;
  const line = { event: "connection", ...fields };
  switch (severityOf(record.end)) {
    case "info":
      log.info(line, "connection ended");
      break;
    case "warn":
      log.warn(
        line,
        record.end === "revoked"
          ? "connection lost its right"
          : record.end === "refused"
            ? "connection refused"
            : "connection failed",
      );
      break;
    case "error":
      log.error(line, "connection met a fault of ours");
      break;
  }
}

function severityOf(end: ConnectionEnd): "info" | "warn" | "error" {
  switch (end) {
    case "served":
    case "drained":
    case "downstream-reset":
    case "idle-timeout":
    case "lifetime-reached":
    case "silent":
      return "info";
    case "refused":
    case "revoked":
    case "handshake-failed":
    case "handshake-timeout":
    case "upstream-unreachable":
    case "upstream-reset":
    case "protocol-error":
    case "overload":
      return "warn";
    case "internal-error":
      return "error";
  }
}
