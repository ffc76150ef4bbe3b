/** The question that `/explain` is asked of a caller that was seen. */
import type { BackendState } from "../../policy/backend-state.ts";
import type { PeerRow } from "../../telemetry/records.ts";

/** Of an address; Node refuses a request whose head is above 16 KiB, and this is only a part of it. */
const MOST_LETTERS = 4_000;

/**
 * @param protocol of the backend: a caller that was refused before its TLS was seen is asked about as the backend has it
 * @returns `undefined` where its names are too long for an address
 */
export function explainLink(peer: PeerRow, protocol: BackendState["protocol"]): string | undefined {
  // Before anything is made of them: a certificate may be a hundred kilobytes of names.
  if (peer.sans.reduce((sum, { length }) => sum + length, 0) > MOST_LETTERS) return undefined;
  const tls = peer.tls || (peer.certificate === "unseen" && protocol === "https");
  const query = new URLSearchParams({ port: String(peer.port), from: peer.address, tls: String(tls) });
  if (tls && peer.sni !== undefined && peer.sni !== "") query.set("sni", peer.sni);
  for (const san of peer.sans) query.append("san", san);
  if (tls && (peer.certificate === "missing" || peer.certificate === "refused")) query.set("no-cert", "true");
  const link = `/explain?${query.toString()}`;
  return link.length <= MOST_LETTERS ? link : undefined;
}
