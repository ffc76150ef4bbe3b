/** Why a backend port is closed to everybody, in words for the operator: the same wherever they are read. */
import type { RefusalReason } from "./decision.ts";
import type { BackendPort } from "./model.ts";
import { splitBackendName } from "./own-service.ts";
import type { OwnCertificate, ServiceState } from "./service-state.ts";
import {
  alternatives,
  type ClosedRule,
  type ForeignPolicy,
  type OpenRule,
  type Snapshot,
  type UnmatchedPolicy,
} from "./snapshot.ts";

/** Objects that are named in one sentence. */
const NAMED_AT_MOST = 3;

/** From the signal to end on, while listeners still take connections. */
export const WORDS_OF_DRAIN = "the process is ending";

/** Where the snapshot refuses everybody as a whole; `undefined` where it does not. */
export function wordsOfSnapshot({ closed, staleness }: Snapshot): string | undefined {
  switch (closed) {
    case "no-snapshot":
      return "policy and endpoints have not been read yet";
    case "stale-snapshot":
      return `policy and endpoints have been out of date for longer than max-stale${staleness === undefined ? "" : `: ${staleness}`}`;
    default:
      return undefined;
  }
}

/** `undefined` where the reason closes nothing to everybody. */
export function wordsOfClosed(
  { snapshot, certificate, listeners }: ServiceState,
  port: BackendPort,
  reason: RefusalReason,
): string | undefined {
  const rule = snapshot.rules.get(port);
  switch (reason) {
    case "no-listener":
      return listeners === undefined || listeners.size === 0
        ? "no data-plane thread listens"
        : `no --backend of this sidecar has port=${port}; there are ${[...listeners].sort((a, b) => a - b).join(", ")}`;
    case "draining":
      return `${WORDS_OF_DRAIN} and takes no new connection`;
    case "no-snapshot":
    case "stale-snapshot":
      return wordsOfSnapshot(snapshot);
    case "no-policy":
      return wordsOfNoPolicy(snapshot, port);
    case "invalid-policy":
    case "no-usable-source":
      return rule?.state === "closed" ? wordsOfClosedBy(alternatives(rule)) : undefined;
    case "source-without-endpoints":
      return rule?.state === "open" ? wordsOfEmpty(alternatives(rule)) : undefined;
    case "no-credentials":
    case "own-certificate-not-yet-valid":
    case "own-certificate-ended":
      return wordsOfCertificate(certificate, reason);
    default:
      return undefined;
  }
}

/** What keeps callers of https backends out, all of them or those of one issuer, by the code that it has everywhere. */
export function wordsOfCertificate(
  certificate: OwnCertificate,
  code: "no-credentials" | "own-certificate-not-yet-valid" | "own-certificate-ended" | "crl-ended",
): string {
  const held = certificate.state === "held" ? certificate : undefined;
  switch (code) {
    case "no-credentials":
      return certificate.state === "none" && certificate.problem !== undefined
        ? `our own certificate cannot be used: ${certificate.problem}`
        : "no certificate for https backends: none is configured (--tls-cert, --spiffe-endpoint, --csr-signer), or none has come yet";
    case "own-certificate-not-yet-valid":
      return held === undefined
        ? "our own certificate is not valid yet"
        : `our own certificate (${held.origin}) is not valid before ${new Date(held.notBefore).toISOString()}`;
    case "own-certificate-ended":
      return held === undefined
        ? "our own certificate has ended"
        : `our own certificate (${held.origin}) ended at ${new Date(held.notAfter).toISOString()}, and none has taken its place`;
    case "crl-ended": {
      const origin = held?.listsOrigin === undefined ? "" : ` (${held.listsOrigin})`;
      const ended = held?.listsEnd === undefined ? "has ended" : `ended at ${new Date(held.listsEnd).toISOString()}`;
      return `a revocation list${origin} ${ended}: its issuer's callers are refused`;
    }
  }
}

/** What holds until the end of an audit. @param end milliseconds since the epoch */
export function wordsOfAudit(end: number): string {
  return `refusals by address or name are only logged and counted until ${new Date(end).toISOString()}`;
}

/** Where several objects close the port, each with what is wrong with it. */
function wordsOfClosedBy(rules: readonly ClosedRule[]): string {
  const named = rules.map(({ policy, detail }) =>
    rules.length === 1 ? detail : `IngressBackend ${policy}: ${detail}`,
  );
  const { length } = named;
  const more = length > NAMED_AT_MOST ? [`and ${length - NAMED_AT_MOST} more IngressBackends`] : [];
  return [...named.slice(0, NAMED_AT_MOST), ...more].join("; ");
}

function wordsOfEmpty(rules: readonly OpenRule[]): string {
  return [...new Set(rules.flatMap(({ emptySources }) => emptySources))].join("; ") || "its sources have no address";
}

/** Says the same of an object to every pod of its namespace: what one pod adds would differ from the next one's. */
export function wordsOfUnmatched({ policy, backends, missing }: UnmatchedPolicy): string {
  const named = [...new Set(backends.map(({ service }) => service))];
  const gone = named.filter((service) => missing.includes(service));
  const list = `Service ${named.slice(0, NAMED_AT_MOST).join(", ")}`;
  if (gone.length === 0) return `IngressBackend ${policy} is for ${list}`;
  return `IngressBackend ${policy} names Service ${gone.slice(0, NAMED_AT_MOST).join(", ")}, which does not exist or has no EndpointSlice`;
}

/** An object that means this port comes first. */
function wordsOfNoPolicy({ rules, hints }: ServiceState["snapshot"], port: BackendPort): string {
  const own = hints.services.length === 0 ? "no Service that is known" : hints.services.join(", ");
  const ports = [...rules.keys()].join(", ");
  const governed = ports === "" ? [] : [`policies govern port ${ports}; 'port.number' is the target port`];
  const means = ({ backends }: UnmatchedPolicy): boolean => backends.some((backend) => backend.port === port);
  const meant = hints.unmatched.filter(means);
  const others = hints.unmatched.filter((unmatched) => !means(unmatched));
  const words = (unmatched: readonly UnmatchedPolicy[]): readonly string[] =>
    unmatched.slice(0, NAMED_AT_MOST).map(wordsOfUnmatched);
  const foreign = hints.foreign
    .filter(({ ports: named }) => named.includes(port))
    .slice(0, NAMED_AT_MOST)
    .map((object) => wordsOfForeign(object, hints.namespace));
  if (hints.unmatched.length > 0)
    return [
      ...words(meant),
      ...podsNamed(meant, hints),
      ...foreign,
      ...governed,
      ...words(others),
      `this pod backs ${own}`,
    ].join("; ");
  const nearest = [...foreign, ...governed].join("; ");
  return nearest === "" ? `no IngressBackend names a Service of this pod, which backs ${own}` : nearest;
}

/** A name of the form `POD.SERVICE` stands for one pod. */
function podsNamed(unmatched: readonly UnmatchedPolicy[], { services, podName }: Snapshot["hints"]): readonly string[] {
  const pods = unmatched
    .flatMap(({ backends }) => backends.map(({ service }) => splitBackendName(service)))
    .flatMap(({ pod, service }) => (pod !== undefined && services.includes(service) ? [pod] : []));
  if (pods.length === 0) return [];
  const self = podName === undefined ? "the name of this pod is not known (--pod-name)" : `this pod is ${podName}`;
  return [`that names pod ${[...new Set(pods)].slice(0, NAMED_AT_MOST).join(", ")}, and ${self}`];
}

/** `default` is where an object without a namespace is: it was probably left out. */
export function wordsOfForeign(
  { policy, namespace }: Pick<ForeignPolicy, "policy" | "namespace">,
  own: string,
): string {
  const perhaps = namespace === "default" ? " (perhaps its metadata.namespace is missing)" : "";
  return `IngressBackend ${policy} is in namespace ${namespace}${perhaps}; this pod is in ${own}`;
}
