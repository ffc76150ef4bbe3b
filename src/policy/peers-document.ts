/** The document of `/peers`, which `postern explain --replay` reads back. */
import { parseAddress } from "./address.ts";
import { parseSan } from "./explain.ts";
import type { SeenPeer } from "./replay.ts";
import { asArray, asRecord, asString, field, isPort } from "./unknown.ts";

export const PEERS_KIND = "postern-peers";
/** Grows when a reader of before would misread. */
export const PEERS_VERSION = 1;
/** More than the memory of any sidecar holds. */
const MOST_PEERS = 1_000_000;

const CERTIFICATES = ["missing", "not-requested", "refused", "unseen", "verified"] as const;
const VERDICTS = ["forward", "close", "tls-alert", "forbidden"] as const;

/** @returns the peers, or what is wrong with the document, in words */
export function readPeersDocument(document: unknown): readonly SeenPeer[] | string {
  const root = asRecord(document);
  if (field(root, "kind") !== PEERS_KIND)
    return `this is no memory of peers: expected a JSON object with "kind": "${PEERS_KIND}", as GET /peers of a sidecar's admin port gives it`;
  const version = field(root, "version");
  if (version !== PEERS_VERSION)
    return `version ${JSON.stringify(version)} of this document cannot be read: expected ${PEERS_VERSION}; replay it with the postern that wrote it`;
  const rows = field(root, "peers");
  if (!Array.isArray(rows)) return "peers must be a list";
  if (rows.length > MOST_PEERS) return `peers has ${rows.length} entries: expected at most ${MOST_PEERS}`;
  const peers: SeenPeer[] = [];
  for (const [index, row] of rows.entries()) {
    const peer = readPeer(row);
    if (typeof peer === "string") return `peers[${index}].${peer}`;
    peers.push(peer);
  }
  return peers;
}

function readPeer(value: unknown): SeenPeer | string {
  const row = asRecord(value);
  const port = field(row, "port");
  if (!isPort(port)) return "port must be a port from 1 to 65535";
  const address = asString(field(row, "address")) ?? "";
  if (parseAddress(address) === undefined) return "address must be an IP address";
  const tls = field(row, "tls");
  if (typeof tls !== "boolean") return "tls must be true or false";
  const certificate = CERTIFICATES.find((name) => name === field(row, "certificate"));
  if (certificate === undefined) return `certificate must be one of ${CERTIFICATES.join(", ")}`;
  const verdict = VERDICTS.find((name) => name === field(row, "verdict"));
  if (verdict === undefined) return `verdict must be one of ${VERDICTS.join(", ")}`;
  const texts = asArray(field(row, "sans"));
  const sans = texts.flatMap((text) => parseSan(asString(text) ?? "") ?? []);
  if (sans.length !== texts.length) return "sans must list dns:NAME and uri:URI";
  const sni = asString(field(row, "sni"));
  const reason = asString(field(row, "reason"));
  const count = field(row, "count");
  return {
    port,
    address,
    tls,
    certificate,
    sans,
    verdict,
    count: typeof count === "number" ? count : 1,
    ...(sni !== undefined && { sni }),
    ...(reason !== undefined && { reason }),
  };
}
