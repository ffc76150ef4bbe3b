/** Callers that several connections or threads have seen, as one. */
import { refusesEverybody } from "../policy/refuses-everybody.ts";
import type { PeerRow } from "../telemetry/records.ts";

/** One row a peer; the most recent verdict on it stands. */
export function unitePeers(rows: readonly PeerRow[]): readonly PeerRow[] {
  const byKey = new Map<string, MergedPeer>();
  for (const row of rows) {
    const key = peerKey(row);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, new MergedPeer(row));
    else known.add(row);
  }
  return Array.from(byKey.values(), (peer) => peer.row).sort((a, b) => b.lastSeen - a.lastSeen);
}

/** @param rows of one peer, at least one; of two that were seen in the same moment the later one stands */
export function mergePeers(rows: readonly PeerRow[]): PeerRow {
  const peer = new MergedPeer(rows[0]!);
  for (const row of rows.slice(1)) peer.add(row);
  return peer.row;
}

export function peerKey({ port, address, tls, sni, certificate, sans }: PeerRow): string {
  return JSON.stringify([port, address, tls, sni, certificate, sans]);
}

/** Rows of one peer, added one after the other: there may be as many as there are connections. */
class MergedPeer {
  /** A refusal of everybody is no verdict on the peer, and stands only where there is no other. */
  #latest: PeerRow;
  #firstSeen: number;
  #lastSeen: number;
  #count: number;

  constructor(row: PeerRow) {
    this.#latest = row;
    this.#firstSeen = row.firstSeen;
    this.#lastSeen = row.lastSeen;
    this.#count = row.count;
  }

  get row(): PeerRow {
    return { ...this.#latest, firstSeen: this.#firstSeen, lastSeen: this.#lastSeen, count: this.#count };
  }

  add(row: PeerRow): void {
    const isVerdict = !refusesEverybody(row.reason);
    const hasVerdict = !refusesEverybody(this.#latest.reason);
    if (isVerdict === hasVerdict ? row.lastSeen >= this.#latest.lastSeen : isVerdict) this.#latest = row;
    this.#firstSeen = Math.min(this.#firstSeen, row.firstSeen);
    this.#lastSeen = Math.max(this.#lastSeen, row.lastSeen);
    this.#count += row.count;
  }
}
