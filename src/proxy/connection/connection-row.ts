/** An accepted connection as `/connections` shows it. */
import { definedFields } from "../../telemetry/defined-fields.ts";
import type { ConnectionRow } from "../../telemetry/records.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import { admissionOf } from "./connection-phase.ts";

export function connectionRow(connection: AcceptedConnection, thread: number): ConnectionRow {
  const admission = admissionOf(connection.phase);
  return {
    id: connection.id,
    thread,
    port: connection.port,
    address: connection.address,
    state: stateOf(connection),
    protocol: spoken(connection),
    ...definedFields({
      policy: connection.decision.policy,
      source: admission?.allowed?.source,
      principal: admission?.allowed?.principal,
      sni: connection.facts.sni,
      sans: presentedNames(connection),
    }),
    startedAt: connection.startedAt,
    requests: connection.requests,
    bytesIn: connection.bytesIn,
    bytesOut: connection.bytesOut,
  };
}

/** SANs as they are logged: `dns:a.b`. */
export function presentedNames({ facts }: AcceptedConnection): readonly string[] | undefined {
  return facts.presented?.map((san) => `${san.type}:${san.value}`);
}

function spoken(connection: AcceptedConnection): string {
  const encrypted = connection.secured !== undefined;
  if (admissionOf(connection.phase)?.mode === "stream") return encrypted ? "tls" : "tcp";
  if (connection.protocol === "http/2") return encrypted ? "h2" : "h2c";
  return encrypted ? "https" : "http";
}

function stateOf({ phase, decision }: AcceptedConnection): ConnectionRow["state"] {
  switch (phase.state) {
    case "handshaking":
      return "handshake";
    case "admitted":
      return decision.verdict === "forward" ? "open" : "forbidden";
    case "ending":
    case "closed":
      return "ending";
  }
}
