/**
 * What came closest when a peer was refused, in words for the operator. Computed only for a refusal that is shown: never
 * on the way to a decision.
 */
import { findAddress } from "../address/address-set.ts";
import { admits } from "../authorize.ts";
import { isOpenToNobody } from "../backend-state.ts";
import { wordsOfClosed } from "../closed-words.ts";
import type { Peer, RefusalReason, San } from "../decision.ts";
import type { BackendPort } from "../model.ts";
import { holdsAddress } from "../address/node-addresses.ts";
import type { PeerAddress } from "../address/peer-address.ts";
import { principalType } from "../principal.ts";
import type { ServiceState } from "../service-state.ts";
import { alternatives, type OpenRule, type Snapshot } from "../snapshot.ts";

/**
 * @param reason of the refusal, which is known already: a handshake that failed leaves a peer that `authorize` would judge
 * otherwise
 * @returns `undefined` where there is nothing to compare with
 */
export function nearestTo(
  state: ServiceState,
  port: BackendPort,
  peer: Peer,
  reason: RefusalReason,
): string | undefined {
  const { snapshot } = state;
  const rule = snapshot.rules.get(port);
  switch (reason) {
    case "no-listener":
    case "draining":
    case "no-snapshot":
    case "stale-snapshot":
    case "no-policy":
    case "invalid-policy":
    case "no-usable-source":
    case "no-credentials":
    case "own-certificate-not-yet-valid":
    case "own-certificate-ended":
      return wordsOfClosed(state, port, reason);
    case "address-unknown":
      return "the peer was gone before its address could be read";
    case "source-not-listed":
    case "source-without-endpoints": {
      const near =
        rule?.state === "open" && peer.address !== undefined ? nearestAddress(state, rule, peer.address) : undefined;
      return joined(near, wordsOfClosed(state, port, reason));
    }
    case "endpoint-replaced":
      return "the address now belongs to another pod";
    case "tls-expected":
      return "the backend is https: the client must speak TLS";
    case "tls-unexpected":
      return "the backend is http: the client must not speak TLS";
    case "sni-missing":
    case "sni-not-listed":
      return rule?.state === "open" ? nearestServerName(reachable(rule, peer), peer.tls?.sni) : undefined;
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

/** @returns `undefined` where the words of the closed port say all there is to say */
function nearestAddress(state: ServiceState, rule: OpenRule, address: PeerAddress): string | undefined {
  const { snapshot, now } = state;
  const { text } = address;
  if (address.family === 0) return `'${text}' is not an address`;
  const listed = alternatives(rule).flatMap(({ addresses }) => addresses?.sources ?? []);
  const elsewhere =
    formerEndpoint(snapshot, listed, text, now) ?? onOtherPort(state, rule, address) ?? nodeOf(snapshot, text);
  const empty = alternatives(rule)
    .flatMap(({ emptySources }) => emptySources)
    .join("; ");
  const nobody = isOpenToNobody(rule);
  if (elsewhere !== undefined || nobody) return joined(elsewhere, empty);
  return joined(`${text} is in none of ${listed.join(", ")}`, empty);
}

function formerEndpoint({ hints }: Snapshot, listed: readonly string[], text: string, now: number): string | undefined {
  const waiting = hints.notReady.get(text);
  if (waiting !== undefined && listed.includes(waiting))
    return `${text} stands behind ${waiting}, but is not ready: it counts once its pod is`;
  const departed = hints.departed.get(text);
  if (departed === undefined || !listed.includes(departed.source)) return undefined;
  return `${text} was an endpoint of ${departed.source} until ${Math.max(0, Math.round((now - departed.at) / 1000))} s ago`;
}

/** Of a port where nobody listens it is no use to know. */
function onOtherPort({ snapshot, listeners }: ServiceState, rule: OpenRule, address: PeerAddress): string | undefined {
  for (const other of snapshot.rules.values()) {
    if (other.state !== "open" || other.port === rule.port || listeners?.has(other.port) === false) continue;
    const source = alternatives(other)
      .map(({ addresses }) => addresses?.sources[findAddress(addresses, address)])
      .find((found) => found !== undefined);
    if (source !== undefined)
      return `${address.text} is listed on port ${other.port} by ${source}, not on port ${rule.port}`;
  }
  return undefined;
}

/** A masked gateway shows the node's address instead of its own, so no list of gateways can hold it. */
function nodeOf({ hints }: Snapshot, text: string): string | undefined {
  if (!holdsAddress(hints.nodes, text)) return undefined;
  return `${text} is a node's address: the gateway's own may be hidden by SNAT (externalTrafficPolicy, masquerading of the network plugin), the gateway may run in the host network, or this is a probe of the kubelet (postern redirect --exclude-source)`;
}

/** Without saying a thing twice. */
function joined(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || a === "") return b;
  if (b === undefined || b === "" || a.includes(b)) return a;
  if (b.includes(a)) return b;
  return `${a}; ${b}`;
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
    const oneOff = listed.find((name) => isOneEditApart(name, san.value));
    if (oneOff !== undefined) return `${describe(san)} differs from '${oneOff}' by one character`;
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

/** One character changed, added or left out. */
function isOneEditApart(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (a === b || long.length - short.length > 1) return false;
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  return short.slice(short.length === long.length ? at + 1 : at) === long.slice(at + 1);
}

function commonEnd(a: string, b: string): number {
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a.at(-1 - shared) === b.at(-1 - shared)) shared += 1;
  return shared;
}

function describe(san: San): string {
  return `${san.type === "uri" ? "URI" : "DNS name"} '${san.value}'`;
}
