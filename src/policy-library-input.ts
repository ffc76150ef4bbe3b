/**
 * What callers of `postern/policy` hand in, read at run time: a program in plain JavaScript has no types, and its mistakes must
 * not open a port. Arguments of a wrong type are an error of the program and thrown; of a caller that is judged, whatever cannot
 * be read counts against it.
 */
import { peerAddress } from "./policy/address/peer-address.ts";
import type { Moment } from "./policy/authorize.ts";
import type { Peer, PeerCertificate, PeerTls, San } from "./policy/decision.ts";
import type { Self } from "./policy/model.ts";
import { asRecord, asString, field, typeName, type UnknownRecord } from "./policy/objects/unknown.ts";

const NOTHING: UnknownRecord = {};
const UNTRUSTED: PeerCertificate = { state: "refused", reason: "certificate-untrusted" };

function expected(argument: string, type: string, got: unknown): TypeError {
  return new TypeError(`Expected '${argument}' to be ${type}, got: ${typeName(got)}`);
}

/**
 * The objects, and those that Lists among them hold, as `kubectl get -o json` gives them.
 *
 * @throws TypeError when it is no array
 */
export function readObjects(argument: string, value: unknown): readonly UnknownRecord[] {
  if (!Array.isArray(value)) throw expected(argument, "an array of Kubernetes objects", value);
  const records: UnknownRecord[] = [];
  // A Set is iterated as far as it grows, and a List that holds itself is in it once.
  const all = new Set<unknown>(value);
  for (const object of all) {
    const record = asRecord(object);
    if (record === undefined) continue;
    records.push(record);
    for (const item of itemsOf(record)) all.add(item);
  }
  return records;
}

/** Items of a list of one kind, such as an EndpointSliceList of the API server, need not say which it is. */
function itemsOf(list: UnknownRecord): readonly unknown[] {
  const [kind = "", items] = [asString(field(list, "kind")), field(list, "items")];
  if (!kind.endsWith("List") || !Array.isArray(items)) return [];
  return items.map((item: unknown) => {
    const record = asRecord(item);
    if (record === undefined || field(record, "kind") !== undefined) return item;
    const apiVersion = field(record, "apiVersion") ?? field(list, "apiVersion");
    return { ...record, apiVersion, kind: kind.slice(0, -"List".length) };
  });
}

/** @throws TypeError that names the field */
export function readSelf(value: unknown): Self {
  const self = asRecord(value);
  if (self === undefined) throw expected("self", "an object with 'namespace' and 'services'", value);
  const { namespace, services, podName, meshName, nodes, auditUntil } = self;
  // An audit always ends.
  if (auditUntil !== undefined && (typeof auditUntil !== "number" || !Number.isFinite(auditUntil)))
    throw expected("self.auditUntil", "a finite number of milliseconds", auditUntil);
  return {
    namespace: readText("self.namespace", namespace),
    services: readTexts("self.services", services),
    ...(podName !== undefined && { podName: readText("self.podName", podName) }),
    ...(meshName !== undefined && { meshName: readText("self.meshName", meshName) }),
    ...(nodes !== undefined && { nodes: readTexts("self.nodes", nodes) }),
    ...(auditUntil !== undefined && { auditUntil }),
  };
}

/** @throws TypeError when it is no whole number */
export function readVersion(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw expected("version", "a whole number", value);
  return value;
}

/** A text is iterable, and has `includes` too: it must not be taken for a list of names. */
function readTexts(argument: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw expected(argument, "an array of strings", value);
  return Array.from(value, (text: unknown, index) => readText(`${argument}[${index}]`, text));
}

function readText(argument: string, value: unknown): string {
  if (typeof value !== "string") throw expected(argument, "a string", value);
  return value;
}

/** Without a time that can be read everything is enforced. */
export function readMoment(value: unknown): Moment | undefined {
  const now = field(asRecord(value), "now");
  return typeof now === "number" ? { now } : undefined;
}

/** Only what is absent is plaintext: of TLS that cannot be read no certificate is known. */
export function readPeer(value: unknown): Peer {
  const { address, tls } = asRecord(value) ?? NOTHING;
  return {
    address: peerAddress(asString(address)),
    ...(tls !== undefined && tls !== null && { tls: readTls(tls) }),
  };
}

function readTls(value: unknown): PeerTls {
  const { sni, certificate } = asRecord(value) ?? NOTHING;
  return { ...(typeof sni === "string" && { sni }), certificate: readCertificate(certificate) };
}

function readCertificate(value: unknown): PeerCertificate {
  if (value === undefined || value === null) return { state: "missing" };
  const { state, reason, sans } = asRecord(value) ?? NOTHING;
  switch (state) {
    case "not-requested":
    case "missing":
      return { state };
    case "verified":
      return Array.isArray(sans) ? { state, sans: sans.flatMap(readSan) } : UNTRUSTED;
    case "refused":
      return reason === "certificate-expired" || reason === "certificate-revoked" ? { state, reason } : UNTRUSTED;
    default:
      return UNTRUSTED;
  }
}

/** Names of other types (addresses, mail) are listed by no policy. */
function readSan(san: unknown): readonly San[] {
  const { type, value } = asRecord(san) ?? NOTHING;
  return (type === "dns" || type === "uri") && typeof value === "string" ? [{ type, value }] : [];
}
