/** How much a traffic line matters, and the words that it says it with. */
import type { LogLevel } from "./log.ts";
import type { ConnectionEnd, RequestFacts } from "./records.ts";

export type Severity = "info" | "warn" | "error";

const RANK = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

export function isWritten(severity: Severity, level: LogLevel): boolean {
  return RANK[severity] >= RANK[level];
}

export interface Headline {
  readonly severity: Severity;
  readonly message: string;
}

const REQUEST: Headline = { severity: "info", message: "request" };
const REQUEST_REFUSED: Headline = { severity: "warn", message: "request refused" };
const REQUEST_FAILED: Headline = { severity: "warn", message: "request failed" };

export function headlineOfRequest({ status, reason }: Pick<RequestFacts, "status" | "reason">): Headline {
  if (reason === undefined) return REQUEST;
  return status === 403 ? REQUEST_REFUSED : REQUEST_FAILED;
}

export function headlineOfConnection(end: ConnectionEnd): Headline {
  switch (end) {
    case "served":
    case "drained":
    case "downstream-reset":
    case "idle-timeout":
    case "lifetime-reached":
    case "silent":
      return { severity: "info", message: "connection ended" };
    case "refused":
      return { severity: "warn", message: "connection refused" };
    case "revoked":
      return { severity: "warn", message: "connection lost its right" };
    case "handshake-failed":
    case "handshake-timeout":
    case "upstream-unreachable":
    case "upstream-reset":
    case "protocol-error":
    case "overload":
      return { severity: "warn", message: "connection failed" };
    case "internal-error":
      return { severity: "error", message: "connection met a fault of ours" };
  }
}
