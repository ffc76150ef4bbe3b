/** What OSM's MeshConfig says of certificates, where there is one: `spec.certificate`, read without trust in its shape. */
import { isRecord, listOf, textOf } from "../../api-server/objects.ts";

export interface GatewayCertificate {
  readonly namespace: string;
  readonly secret: string;
  /** The only DNS SAN. */
  readonly name: string;
  readonly validityMs?: number;
}

export interface MeshConfigCertificate {
  /** Longest life of a sidecar's certificate. */
  readonly serviceValidityMs?: number;
  readonly gateway?: GatewayCertificate;
  /** What cannot be used, and what stands in its place. */
  readonly problems: readonly string[];
}

/** Shorter lives leave no time to renew. OSM's own least value. */
export const LEAST_VALIDITY_MS = 600_000;

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** @param object the MeshConfig as the API server has it; `undefined` where there is none */
export function readMeshConfigCertificate(object: unknown): MeshConfigCertificate {
  const spec = isRecord(object) ? object["spec"] : undefined;
  const certificate = isRecord(spec) && isRecord(spec["certificate"]) ? spec["certificate"] : {};
  const problems: string[] = [];
  const validity = (text: string | undefined, field: string): number | undefined => {
    if (text === undefined || text === "") return undefined;
    const read = parseGoDuration(text);
    if (read !== undefined && read >= LEAST_VALIDITY_MS) return read;
    problems.push(
      `MeshConfig spec.certificate.${field} is '${text}'; expected a duration of 10m or more such as 24h; the default holds`,
    );
    return undefined;
  };
  const serviceValidityMs = validity(textOf(certificate, "serviceCertValidityDuration"), "serviceCertValidityDuration");
  const { ingressGateway } = certificate;
  const gateway = isRecord(ingressGateway) ? readGateway(ingressGateway, problems) : undefined;
  const gatewayValidityMs = validity(textOf(ingressGateway, "validityDuration"), "ingressGateway.validityDuration");
  return {
    ...(serviceValidityMs !== undefined && { serviceValidityMs }),
    ...(gateway !== undefined && {
      gateway: { ...gateway, ...(gatewayValidityMs !== undefined && { validityMs: gatewayValidityMs }) },
    }),
    problems,
  };
}

/** As OSM, of `subjectAltNames` only the first is used. */
function readGateway(stanza: Readonly<Record<string, unknown>>, problems: string[]): GatewayCertificate | undefined {
  const [first] = listOf(stanza, "subjectAltNames");
  const secret = textOf(stanza["secret"], "name") ?? "";
  const namespace = textOf(stanza["secret"], "namespace") ?? "";
  if (typeof first !== "string" || !isDnsName(first) || !DNS_NAME.test(secret) || !LABEL.test(namespace)) {
    problems.push(
      "MeshConfig spec.certificate.ingressGateway cannot be used; expected subjectAltNames with a DNS name first, secret.name and secret.namespace; no certificate is issued for it",
    );
    return undefined;
  }
  return { namespace, secret, name: first };
}

export function isDnsName(text: string): boolean {
  return DNS_NAME.test(text);
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Milliseconds of what Go's `time.ParseDuration` reads, e.g. `24h` or `1h30m`; `undefined` for anything else. */
export function parseGoDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0),
    0,
  );
}
