/** Callers that were refused of late, and those that only audit let in, grouped by reason, source and nearest miss. Pure. */
import type { RefusalReason, San } from "../../policy/decision.ts";
import { parseSan } from "../../policy/explain/explain.ts";
import { backendPort } from "../../policy/model.ts";
import { nearestTo } from "../../policy/explain/nearest.ts";
import { peerAddress } from "../../policy/address/peer-address.ts";
import { refusesEverybody } from "../../policy/refuses-everybody.ts";
import { replay } from "../../policy/explain/replay.ts";
import type { ServiceState } from "../../policy/service-state.ts";
import type { PeerRow } from "../../telemetry/records.ts";

/** Of one reason, whose nearest miss is looked for. */
const MOST_LOOKED_AT = 100;
const MOST_GROUPS = 20;

/** What came of one source for one cause. */
export interface RefusalGroup {
  readonly port: number;
  readonly address: string;
  readonly nearest: string | undefined;
  /** What would become of it now, where that is something else. */
  readonly judgedNow: string | undefined;
  readonly connections: number;
  readonly lastSeen: number;
  /** The latest of the group. */
  readonly latest: PeerRow;
}

export interface RefusalsOfReason {
  readonly reason: RefusalReason;
  /** Let in by audit, which would have been refused. */
  readonly audited: boolean;
  readonly callers: number;
  readonly connections: number;
  /** Most recent first, bounded. */
  readonly groups: readonly RefusalGroup[];
  /** Callers that are in none of the groups. */
  readonly left: number;
}

/** @param peers most recent first */
export function groupRefusals(state: ServiceState, peers: readonly PeerRow[]): readonly RefusalsOfReason[] {
  const byReason = new Map<string, { reason: RefusalReason; audited: boolean; rows: PeerRow[] }>();
  for (const row of peers) {
    if (row.reason === undefined) continue;
    const audited = row.verdict === "forward";
    const key = `${row.reason} ${audited}`;
    const known = byReason.get(key);
    if (known === undefined) byReason.set(key, { reason: row.reason, audited, rows: [row] });
    else known.rows.push(row);
  }
  return [...byReason.values()].map(({ reason, audited, rows }) => {
    const groups = groupRows(state, rows.slice(0, MOST_LOOKED_AT), reason);
    const shown = groups.slice(0, MOST_GROUPS);
    return {
      reason,
      audited,
      callers: rows.length,
      connections: sum(rows.map(({ count }) => count)),
      groups: shown.map(({ rows, ...group }) => ({ ...group, connections: sum(rows.map(({ count }) => count)) })),
      left: rows.length - sum(shown.map(({ rows }) => rows.length)),
    };
  });
}

type GroupOfRows = Omit<RefusalGroup, "connections"> & { readonly rows: PeerRow[] };

function groupRows(state: ServiceState, rows: readonly PeerRow[], reason: RefusalReason): readonly GroupOfRows[] {
  const groups = new Map<string, GroupOfRows>();
  for (const row of rows) {
    const judged = judge(state, row, reason);
    const { port, address, lastSeen } = row;
    const key = JSON.stringify([port, address, judged]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { port, address, ...judged, lastSeen, latest: row, rows: [row] });
    else known.rows.push(row);
  }
  return [...groups.values()];
}

/** Why it came so close, if that is so to this day, and else what has become of it. */
function judge(state: ServiceState, row: PeerRow, reason: RefusalReason): Pick<RefusalGroup, "nearest" | "judgedNow"> {
  const sans = sansOf(row);
  const [now] = replay(state, [{ ...row, sans }]);
  // Who met a closed port has not shown whether it speaks TLS.
  const isUnseen = now?.effect === "unknown" && (!refusesEverybody(reason) || now.reason === "tls-expected");
  if (now === undefined || isUnseen) return { nearest: undefined, judgedNow: undefined };
  if (now.effect === "gains") return { nearest: undefined, judgedNow: "is let in now" };
  if (now.effect === "audit" && row.verdict !== "forward")
    return { nearest: undefined, judgedNow: "is let in now, by an audit" };
  if (now.effect === "same" && row.verdict !== "forward" && now.reason !== reason)
    return { nearest: nearestOf(state, row, reason), judgedNow: undefined };
  if (now.effect === "audit") return { nearest: nearestOf(state, row, reason), judgedNow: undefined };
  if (now.reason === reason) return { nearest: now.nearest, judgedNow: undefined };
  if (now.reason === "allowed") return { nearest: nearestOf(state, row, reason), judgedNow: undefined };
  return {
    nearest: undefined,
    judgedNow: `is refused now by ${now.reason}${now.nearest === undefined ? "" : `: ${now.nearest}`}`,
  };
}

/** By the address alone, where what else was seen would be judged otherwise: a certificate that failed, a caller in audit. */
function nearestOf(state: ServiceState, row: PeerRow, reason: RefusalReason): string | undefined {
  const sans = sansOf(row);
  const tls = {
    ...(row.sni !== undefined && { sni: row.sni }),
    certificate:
      row.certificate === "verified" ? ({ state: "verified", sans } as const) : ({ state: "missing" } as const),
  };
  return nearestTo(
    state,
    backendPort(row.port),
    { address: peerAddress(row.address), ...(row.tls && { tls }) },
    reason,
  );
}

function sansOf({ sans }: PeerRow): readonly San[] {
  return sans.map(parseSan).filter((san) => san !== undefined);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
