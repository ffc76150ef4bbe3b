/** Callers that several connections or threads have seen, as one. */
import type { RefusalReason } from "../policy/decision.ts";
import type { PeerRow } from "../telemetry/records.ts";

/**
 * What refuses everybody for a while says nothing of a caller: whoever tries a policy in such a moment must not be told that
 * nobody is served.
 */
const OF_THE_SERVICE: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  "no-listener",
  "draining",
  "no-snapshot",
  "stale-snapshot",
  "no-credentials",
  "own-certificate-not-yet-valid",
  "own-certificate-ended",
]);

/** One row a peer; the most recent verdict on it stands. */
export function unitePeers(rows: readonly PeerRow[]): readonly PeerRow[] {
  const byKey = new Map<string, PeerRow[]>();
  for (const row of rows) byKey.set(peerKey(row), [...(byKey.get(peerKey(row)) ?? []), row]);
  return [...byKey.values()].map(mergePeers).sort((a, b) => b.lastSeen - a.lastSeen);
}

export function mergePeers(rows: readonly PeerRow[]): PeerRow {
  const judged = rows.filter(({ reason }) => reason === undefined || !OF_THE_SERVICE.has(reason));
  const latest = (judged.length === 0 ? rows : judged).reduce((best, row) =>
    row.lastSeen >= best.lastSeen ? row : best,
  );
  return {
    ...latest,
    lastSeen: Math.max(...rows.map((row) => row.lastSeen)),
    firstSeen: Math.min(...rows.map((row) => row.firstSeen)),
    count: rows.reduce((sum, row) => sum + row.count, 0),
  };
}

export function peerKey({ port, address, tls, sni, certificate, sans }: PeerRow): string {
  return JSON.stringify([port, address, tls, sni, certificate, sans]);
}
