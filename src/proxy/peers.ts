/** Callers that several connections or threads have seen, as one. */
import { refusesEverybody } from "../policy/refuses-everybody.ts";
import type { PeerRow } from "../telemetry/records.ts";

/** One row a peer; the most recent verdict on it stands. */
export function unitePeers(rows: readonly PeerRow[]): readonly PeerRow[] {
  const byKey = new Map<string, PeerRow[]>();
  for (const row of rows) byKey.set(peerKey(row), [...(byKey.get(peerKey(row)) ?? []), row]);
  return [...byKey.values()].map(mergePeers).sort((a, b) => b.lastSeen - a.lastSeen);
}

export function mergePeers(rows: readonly PeerRow[]): PeerRow {
  const judged = rows.filter(({ reason }) => !refusesEverybody(reason));
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
