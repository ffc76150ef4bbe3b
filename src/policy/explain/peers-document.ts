/** The document of `/peers`, which `postern explain --replay` reads back. */
import { parseAddress } from "../address/address.ts";
import { parseSan } from "./explain.ts";
import type { Self } from "../model.ts";
import { describeNoJson } from "./no-json.ts";
import type { SeenPeer } from "./replay.ts";
import { asArray, asRecord, asString, field, isPort, typeName } from "../objects/unknown.ts";

export const PEERS_KIND = "postern-peers";
/** Grows when a reader of before would misread. */
export const PEERS_VERSION = 2;
/** More than the memory of any sidecar holds. */
const MOST_PEERS = 1_000_000;

const CERTIFICATES = ["missing", "not-requested", "refused", "unseen", "verified"] as const;
const VERDICTS = ["forward", "close", "tls-alert", "forbidden"] as const;

const EXPECTED = `expected the JSON of GET /peers of a sidecar's admin port`;
const TO_DO = "save it anew with: curl -s http://127.0.0.1:15000/peers, or give the URL of that port";
/** Of a value that is named in a message, characters. */
const LONGEST_SHOWN = 60;
const MOST_NAMED = 5;

/** The pod whose sidecar remembers: what decides of it beside policies and endpoints. */
export type SeenPod = Pick<Self, "namespace" | "services" | "podName" | "meshName" | "auditUntil">;

export interface PeersDocument {
  readonly pod: SeenPod;
  readonly peers: readonly SeenPeer[];
}

/** @returns the document, or what the text holds in their place, what was expected and what to do */
export function readPeersText(text: string): PeersDocument | string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return misread(describeNoJson(text, error));
  }
  return readDocument(document);
}

function misread(found: string): string {
  return `${found}: ${EXPECTED}; ${TO_DO}`;
}

function readDocument(document: unknown): PeersDocument | string {
  const root = asRecord(document);
  if (field(root, "kind") !== PEERS_KIND) return misread(`it holds ${describe(document)}, no "kind": "${PEERS_KIND}"`);
  const version = field(root, "version");
  if (version !== PEERS_VERSION)
    return `it has version ${show(version)}: expected ${PEERS_VERSION}; replay it with the postern that wrote it, or ${TO_DO}`;
  const pod = readPod(field(root, "pod"));
  if (typeof pod === "string") return misread(`in pod, ${pod}`);
  // Who was seen by them alone would be missing, and nobody would lose access.
  const silent = asArray(field(root, "silentThreads"));
  if (silent.length > 0)
    return `its memory is not whole: data-plane thread ${silent.map(show).join(", ")} did not answer; ask again`;
  const rows = field(root, "peers");
  if (!Array.isArray(rows)) return misread(`its peers are ${show(rows)}, no list`);
  if (rows.length > MOST_PEERS) return misread(`its peers are ${rows.length}, more than ${MOST_PEERS}`);
  const peers: SeenPeer[] = [];
  for (const [index, row] of rows.entries()) {
    const peer = readPeer(row);
    if (typeof peer === "string") return misread(`in peers[${index}], ${peer}`);
    peers.push(peer);
  }
  return { pod, peers };
}

function readPod(value: unknown): SeenPod | string {
  const pod = asRecord(value);
  if (pod === undefined) return `the entry is ${show(value)}, not an object`;
  const names = ["namespace", "podName", "meshName"] as const;
  const wrong = names.find((name) => field(pod, name) !== undefined && typeof field(pod, name) !== "string");
  if (wrong !== undefined) return `${wrong} is ${show(field(pod, wrong))}, not a name`;
  const [namespace, podName, meshName] = names.map((name) => asString(field(pod, name)));
  if (namespace === undefined) return "namespace is missing";
  const services = field(pod, "services");
  if (!Array.isArray(services) || !services.every((name) => typeof name === "string"))
    return `services are ${show(services)}, no list of names`;
  // Sidecars of this version that write none of it are not in audit, or do not say so.
  const auditUntil = asTime(field(pod, "auditUntil"));
  if (auditUntil === undefined && field(pod, "auditUntil") !== undefined)
    return `auditUntil is ${show(field(pod, "auditUntil"))}, not a time in milliseconds since the epoch`;
  return {
    namespace,
    services,
    ...(podName !== undefined && { podName }),
    ...(meshName !== undefined && { meshName }),
    ...(auditUntil !== undefined && { auditUntil }),
  };
}

function describe(document: unknown): string {
  const root = asRecord(document);
  if (root === undefined) return `JSON of another kind (${typeName(document)})`;
  if (field(root, "kind") !== undefined) return `a JSON object with "kind": ${show(field(root, "kind"))}`;
  const names = Object.keys(root);
  const shown = names.slice(0, MOST_NAMED).map(shorten).join(", ");
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  return names.length === 0 ? "an empty JSON object" : `a JSON object with the members ${shown}${more}`;
}

/** A value as it stands, cut where it is long; nesting without end is cut by its type alone. */
function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "object") return `of type ${typeName(value)}`;
  return shorten(JSON.stringify(value));
}

function shorten(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}...`;
}

function readPeer(value: unknown): SeenPeer | string {
  const row = asRecord(value);
  if (row === undefined) return `the entry is ${show(value)}, not an object`;
  const wrong = (name: string, expected: string): string => `${name} is ${show(field(row, name))}, not ${expected}`;
  const port = field(row, "port");
  if (!isPort(port)) return wrong("port", "a port from 1 to 65535");
  const address = asString(field(row, "address")) ?? "";
  if (parseAddress(address) === undefined) return wrong("address", "an IP address");
  const tls = field(row, "tls");
  if (typeof tls !== "boolean") return wrong("tls", "true or false");
  const certificate = CERTIFICATES.find((name) => name === field(row, "certificate"));
  if (certificate === undefined) return wrong("certificate", `one of ${CERTIFICATES.join(", ")}`);
  const verdict = VERDICTS.find((name) => name === field(row, "verdict"));
  if (verdict === undefined) return wrong("verdict", `one of ${VERDICTS.join(", ")}`);
  const texts = asArray(field(row, "sans"));
  const sans = texts.flatMap((text) => parseSan(asString(text) ?? "") ?? []);
  if (sans.length !== texts.length) return "sans holds an entry that is neither dns:NAME nor uri:URI";
  const sni = asString(field(row, "sni"));
  const reason = asString(field(row, "reason"));
  const count = field(row, "count");
  const [firstSeen, lastSeen] = [asTime(field(row, "firstSeen")), asTime(field(row, "lastSeen"))];
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
    ...(firstSeen !== undefined && { firstSeen }),
    ...(lastSeen !== undefined && { lastSeen }),
  };
}

/** @returns milliseconds since the epoch that a `Date` can show */
function asTime(value: unknown): number | undefined {
  return typeof value === "number" && !Number.isNaN(new Date(value).getTime()) ? value : undefined;
}
