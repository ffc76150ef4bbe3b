/**
 * The admission rules: what OSM's webhook says of an IngressBackend, in its order and words, with the intent of its
 * documentation where its code inverts it (reference: OSM v1.2.4 `pkg/validator`). Validation informs people; what the
 * data plane makes of a faulty object is decided by compile.ts.
 */
import { parseRange } from "../address/address.ts";
import { isTooFar, LONGEST_AUDIT_DAYS } from "./enforcement.ts";
import { objectKey, type BackendSpec, type Policy, type Problem, type SourceSpec } from "../model.ts";
import { ANY_PRINCIPAL, principalType } from "../principal.ts";
import { demandsCertificate, readProtocol } from "../protocol.ts";
import { patternProblem } from "../server-name.ts";

/** An object, or the parts of one that breaks the schema elsewhere, each at its place: one fault does not hide the next. */
export interface Judged extends Pick<Policy, "name" | "namespace"> {
  readonly backends: readonly (BackendSpec | undefined)[];
  readonly sources: readonly (SourceSpec | undefined)[];
  readonly hasMatches?: boolean;
  readonly auditUntil?: number;
  readonly enforcementProblem?: string;
}

/**
 * Everything that admission has against an object, errors first.
 *
 * @param others other IngressBackends; only those of the same namespace can conflict, and one of the same name is the object itself
 * @param now milliseconds since the epoch; without it nothing is said of the end of an audit
 */
export function validatePolicy(policy: Judged, others: readonly Judged[], now?: number): readonly Problem[] {
  const backends = numbered(policy.backends);
  const sources = numbered(policy.sources);
  return [
    ...duplicateProblems(backends),
    ...backends.flatMap(([index, backend]) => backendProblems(policy, backend, index)),
    ...conflictProblems(policy, others),
    ...sources.flatMap(([index, source]) => sourceProblems(source, index)),
    ...warnings(policy, backends, sources),
    ...auditWarnings(policy, now),
  ];
}

type Numbered<Part> = readonly (readonly [number, Part])[];

/** Those that could be read, with their places. */
function numbered<Part>(parts: readonly (Part | undefined)[]): Numbered<Part> {
  return parts.flatMap((part, index): Numbered<Part> => (part === undefined ? [] : [[index, part]]));
}

function error(path: string, message: string): Problem {
  return { severity: "error", path, message };
}

function warning(path: string, message: string): Problem {
  return { severity: "warning", path, message };
}

function duplicateProblems(backends: Numbered<BackendSpec>): readonly Problem[] {
  const seen = new Set<string>();
  return backends.flatMap(([index, { name, port }]) => {
    const key = `${name}:${port.number}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      error(
        `spec.backends[${index}]`,
        `Duplicate backends detected with service name: ${name} and port: ${port.number}`,
      ),
    ];
  });
}

function backendProblems(policy: Judged, backend: BackendSpec, index: number): readonly Problem[] {
  const path = `spec.backends[${index}]`;
  if (readProtocol(backend.port.protocol) === undefined) {
    const got = backend.port.protocol;
    return [error(`${path}.port.protocol`, `Expected 'port.protocol' to be 'http' or 'https', got: ${got}`)];
  }
  // A source that could not be read may be the principal.
  const listsPrincipal = policy.sources.some(
    (source) => source === undefined || source.kind === "AuthenticatedPrincipal",
  );
  if (!demandsCertificate(backend) || listsPrincipal) return [];
  return [
    error(
      path,
      "HTTPS ingress with client certificate validation enabled must specify at least one 'AuthenticatedPrincipal` source",
    ),
  ];
}

function conflictProblems(policy: Judged, others: readonly Judged[]): readonly Problem[] {
  const conflicts = others
    .filter((other) => other.namespace === policy.namespace && other.name !== policy.name)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((other) => {
      const clashes = numbered(policy.backends)
        .map(([, mine]) => mine)
        .filter((mine) =>
          other.backends.some((theirs) => theirs?.name === mine.name && theirs.port.number === mine.port.number),
        );
      if (clashes.length === 0) return [];
      const lines = clashes.map(
        (clash) => `Backend ${clash.name} specified in ${policy.name} and ${other.name} conflicts`,
      );
      return [
        `[+] IngressBackend ${objectKey(policy.namespace, policy.name)} conflicts with ${objectKey(other.namespace, other.name)}:`,
        ...lines,
      ];
    });
  return conflicts.length === 0
    ? []
    : [error("spec.backends", ["duplicate backends detected", ...conflicts].join("\n"))];
}

/** One rule that a source breaks. */
export interface SourceProblem {
  readonly field: string;
  readonly message: string;
  /** The object lets nobody in by it: all but a bad range. */
  readonly closes: boolean;
}

/** The first rule that a source breaks; `undefined` when it is fine. Shared with compile.ts. */
export function sourceProblem(source: SourceSpec): SourceProblem | undefined {
  return sourceProblemsOf(source)[0];
}

function sourceProblemsOf(source: SourceSpec): readonly SourceProblem[] {
  const missing = (field: "name" | "namespace"): SourceProblem => ({
    field,
    message: `'source.${field}' not specified for source kind ${source.kind}`,
    closes: true,
  });
  switch (source.kind) {
    case "Service":
      return [
        ...(source.name === "" ? [missing("name")] : []),
        ...((source.namespace ?? "") === "" ? [missing("namespace")] : []),
      ];
    case "AuthenticatedPrincipal":
      return source.name === "" ? [missing("name")] : [];
    case "IPRange":
      if (parseRange(source.name) !== undefined) return [];
      return [
        {
          field: "name",
          message: `Invalid 'source.name' value specified for IPRange. Expected CIDR notation 'a.b.c.d/x', got '${source.name}'`,
          closes: source.name === "",
        },
      ];
    default:
      return [
        {
          field: "kind",
          message: "Invalid 'source.kind' value specified. Must be one of: Service, AuthenticatedPrincipal, IPRange",
          closes: true,
        },
      ];
  }
}

function sourceProblems(source: SourceSpec, index: number): readonly Problem[] {
  return sourceProblemsOf(source).map(({ field, message }) => error(`spec.sources[${index}].${field}`, message));
}

/** An end that nobody will see, and one that has passed. */
function auditWarnings({ auditUntil }: Judged, now: number | undefined): readonly Problem[] {
  if (auditUntil === undefined || now === undefined) return [];
  const at = new Date(auditUntil).toISOString();
  if (auditUntil <= now) return [warning("metadata.annotations", `its audit ended at ${at}`)];
  if (!isTooFar(auditUntil, now)) return [];
  return [
    warning(
      "metadata.annotations",
      `its audit ends at ${at}, in more than ${LONGEST_AUDIT_DAYS} days: until then addresses and names are not enforced`,
    ),
  ];
}

function warnings(policy: Judged, backends: Numbered<BackendSpec>, sources: Numbered<SourceSpec>): readonly Problem[] {
  const found: Problem[] = [];
  if (policy.enforcementProblem !== undefined) found.push(warning("metadata.annotations", policy.enforcementProblem));
  if (policy.hasMatches === true) found.push(warning("spec.matches", "spec.matches is accepted and has no effect"));
  if (policy.sources.length === 0) found.push(warning("spec.sources", "no source is listed: nobody is let in"));
  const hasPrincipals = sources.some(([, source]) => source.kind === "AuthenticatedPrincipal");
  backends.forEach(([index, backend]) => {
    const path = `spec.backends[${index}]`;
    const protocol = readProtocol(backend.port.protocol);
    if (hasPrincipals && protocol !== undefined && !demandsCertificate(backend)) {
      found.push(
        warning(
          path,
          `AuthenticatedPrincipal sources have no effect on ${protocol === "http" ? "an http backend" : "a backend with skipClientCertValidation"}: no certificate is asked for`,
        ),
      );
    }
    if (protocol === "http" && backend.tls !== undefined)
      found.push(warning(`${path}.tls`, "tls has no effect on an http backend"));
    if (protocol !== "https") return;
    backend.tls?.sniHosts?.forEach((host, at) => {
      const problem = patternProblem(host);
      if (problem !== undefined)
        found.push(warning(`${path}.tls.sniHosts[${at}]`, `${problem}; the backend stays closed`));
    });
  });
  sources.forEach(([index, source]) => {
    if (
      source.kind !== "AuthenticatedPrincipal" ||
      source.name === ANY_PRINCIPAL ||
      principalType(source.name) === "uri"
    )
      return;
    if (source.name.includes("*"))
      found.push(
        warning(
          `spec.sources[${index}].name`,
          `'${source.name}' is compared letter by letter: the only wildcard is '*' by itself`,
        ),
      );
  });
  return found;
}
