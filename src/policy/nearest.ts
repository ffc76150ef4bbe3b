/**
 * What came closest when a peer was refused, in words for the operator. Computed only for a refusal that is shown: never
 * on the way to a decision.
 */
import { findAddress } from "./address-set.ts";
import { holdsAddress } from "./node-addresses.ts";
import { admits, authorize } from "./authorize.ts";
import type { Peer, RefusalReason, San } from "./decision.ts";
import type { BackendPort } from "./model.ts";
import type { PeerAddress } from "./peer-address.ts";
import { principalType } from "./principal.ts";
import { alternatives, type OpenRule, type Snapshot } from "./snapshot.ts";

/** The nearest miss of a refused peer; `undefined` for an allowed one, and where there is nothing to compare with. */
export function nearestMiss(snapshot: Snapshot, port: BackendPort, peer: Peer): string | undefined {
  const decision = authorize(snapshot, port, peer);
  return decision.verdict === "forward" ? undefined : nearestTo(snapshot, port, peer, decision.reason);
}

/** The nearest miss where the refusal is known already: a handshake that failed leaves a peer that `authorize` would judge otherwise. */
export function nearestTo(
  snapshot: Snapshot,
  port: BackendPort,
  peer: Peer,
  reason: RefusalReason,
): string | undefined {
  const rule = snapshot.rules.get(port);
  switch (reason) {
    case "no-snapshot":
      return "policy and endpoints have not been read yet";
    case "stale-snapshot":
      return "policy and endpoints have been out of date for longer than max-stale";
    case "no-policy":
      return nearestPort(snapshot);
    case "invalid-policy":
    case "no-usable-source":
      return rule?.state === "closed" ? rule.detail : undefined;
    case "address-unknown":
      return "the peer was gone before its address could be read";
    case "source-not-listed":
    case "source-without-endpoints":
      return rule?.state === "open" && peer.address !== undefined
        ? nearestAddress(snapshot, rule, peer.address)
        : undefined;
    case "endpoint-replaced":
      return "the address now belongs to another pod";
    case "tls-expected":
      return "the backend is https: the client must speak TLS";
    case "tls-unexpected":
      return "the backend is http: the client must not speak TLS";
    case "sni-missing":
    case "sni-not-listed":
      return rule?.state === "open" ? nearestServerName(reachable(rule, peer), peer.tls?.sni) : undefined;
    case "no-credentials":
      return "no certificate is configured for https backends (--tls-cert, --tls-key, --tls-ca)";
    case "certificate-missing":
    case "certificate-untrusted":
    case "certificate-expired":
    case "certificate-revoked":
      return "a certificate issued by the mesh's CA is demanded";
    case "crl-expired":
      return "the revocation list of the certificate's issuer has ended (--tls-crl): provide the current one";
    case "crl-missing":
      return "--tls-crl has no list of the certificate's issuer, or of a CA above it: provide one for each";
    case "principal-missing":
    case "principal-not-listed":
      return rule?.state === "open" && peer.tls?.certificate.state === "verified"
        ? nearestPrincipal(reachable(rule, peer), peer.tls.certificate.sans)
        : undefined;
  }
}

/** Of several objects on one port, those whose address test the peer has passed: their further tests refused it. */
function reachable(rule: OpenRule, { address }: Peer): readonly OpenRule[] {
  return alternatives(rule).filter((alternative) => admits(alternative, address));
}

function nearestPort(snapshot: Snapshot): string {
  const ports = [...snapshot.rules.keys()].join(", ");
  return ports === ""
    ? "no IngressBackend names a Service of this pod"
    : `policies govern port ${ports}; 'port.number' is the target port`;
}

function nearestAddress(snapshot: Snapshot, rule: OpenRule, address: PeerAddress): string {
  const listed = alternatives(rule).flatMap(({ addresses }) => addresses?.sources ?? []);
  const problems = alternatives(rule).flatMap(({ emptySources }) => emptySources);
  const empty = problems.length === 0 ? "" : `; ${problems.join("; ")}`;
  const { text } = address;
  if (address.family === 0) return `'${text}' is not an address`;
  for (const other of snapshot.rules.values()) {
    if (other.state !== "open" || other.port === rule.port) continue;
    const source = alternatives(other)
      .map(({ addresses }) => addresses?.sources[findAddress(addresses, address)])
      .find((found) => found !== undefined);
    if (source !== undefined)
      return `${text} is listed on port ${other.port} by ${source}, not on port ${rule.port}${empty}`;
  }
  // A masked gateway shows the node's address instead of its own, so no list of gateways can hold it.
  if (holdsAddress(snapshot.nodes ?? [], text))
    return `${text} is a node's address: the gateway's own may be hidden by SNAT (externalTrafficPolicy, masquerading of the network plugin), the gateway may run in the host network, or this is a probe of the kubelet (postern redirect --exclude-source)${empty}`;
  return `${text} is in none of ${listed.join(", ")}${empty}`;
}

function nearestServerName(rules: readonly OpenRule[], serverName: string | undefined): string {
  const exact = new Set(rules.flatMap(({ sniHosts }) => [...(sniHosts?.exact ?? [])]));
  const suffixes = rules.flatMap(({ sniHosts }) => sniHosts?.suffixes ?? []);
  const listed = [...exact, ...suffixes.map((suffix) => `*${suffix}`)].join(", ");
  const lower = serverName?.toLowerCase();
  const apex = suffixes.find((suffix) => lower === suffix.slice(1));
  if (apex !== undefined) return `'*${apex}' does not stand for '${apex.slice(1)}' itself`;
  if (lower?.endsWith(".") === true && exact.has(lower.slice(0, -1)))
    return `'${serverName}' differs from '${lower.slice(0, -1)}' by its trailing dot`;
  return serverName === undefined || serverName === ""
    ? `the client named no server; listed: ${listed}`
    : `'${serverName}' is none of ${listed}`;
}

function nearestPrincipal(rules: readonly OpenRule[], sans: readonly San[]): string {
  const listed = rules.flatMap(({ principals }) => [...principals.dns, ...principals.uri]);
  if (sans.length === 0) return `the certificate carries no DNS or URI name; listed: ${listed.join(", ")}`;
  for (const san of sans) {
    const otherType = listed.find((name) => name === san.value && principalType(name) !== san.type);
    if (otherType !== undefined)
      return `${describe(san)} is listed as a ${principalType(otherType) === "uri" ? "URI" : "DNS name"}: a name is compared with SANs of its own type`;
    const otherCase = listed.find((name) => name !== san.value && name.toLowerCase() === san.value.toLowerCase());
    if (otherCase !== undefined) return `${describe(san)} differs from '${otherCase}' in case`;
  }
  const glob = listed.find((name) => name.includes("*"));
  if (glob !== undefined) return `'${glob}' is compared letter by letter: the only wildcard is '*' by itself`;
  return closest(sans, listed);
}

/** The pair with the longest common end: names of one mesh differ at the front. */
function closest(sans: readonly San[], listed: readonly string[]): string {
  let best = { shared: -1, san: sans[0], name: listed[0] };
  for (const san of sans) {
    for (const name of listed) {
      const shared = commonEnd(san.value, name);
      if (shared > best.shared) best = { shared, san, name };
    }
  }
  return best.san === undefined || best.name === undefined
    ? "no principal is listed"
    : `${describe(best.san)} was presented; the nearest listed name is '${best.name}'`;
}

function commonEnd(a: string, b: string): number {
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a.at(-1 - shared) === b.at(-1 - shared)) shared += 1;
  return shared;
}

function describe(san: San): string {
  return `${san.type === "uri" ? "URI" : "DNS name"} '${san.value}'`;
}
