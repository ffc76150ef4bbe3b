/**
 * The admission rules: what OSM's webhook says of an IngressBackend, in its order and words, with the intent of its
 * documentation where its code inverts it (reference: OSM v1.2.4 `pkg/validator`). Validation informs people; what the
 * data plane makes of a faulty object is decided by compile.ts.
 */
import { parseRange } from "./address.ts";
import { objectKey, type BackendSpec, type Policy, type Problem, type SourceSpec } from "./model.ts";
import { ANY_PRINCIPAL, principalType } from "./principal.ts";
import type { ParsedPolicy } from "./parse.ts";
import { patternProblem } from "./server-name.ts";

export type Protocol = "http" | "https";

/** `undefined` for anything but http and https in any case. */
export function readProtocol(protocol: string): Protocol | undefined {
  const lower = protocol.toLowerCase();
  return lower === "http" || lower === "https" ? lower : undefined;
}

/** True for a backend that demands a client certificate. */
export function demandsCertificate(backend: BackendSpec): boolean {
  return readProtocol(backend.port.protocol) === "https" && backend.tls?.skipClientCertValidation !== true;
}

/**
 * Everything that admission has against an object, errors first.
 *
 * @param others other IngressBackends; only those of the same namespace can conflict, and one of the same name is the object itself
 */
export function validatePolicy(policy: Policy, others: readonly Policy[]): readonly Problem[] {
  return [
    ...duplicateProblems(policy),
    ...policy.backends.flatMap((backend, index) => backendProblems(policy, backend, index)),
    ...conflictProblems(policy, others),
    ...policy.sources.flatMap(sourceProblems),
    ...warnings(policy),
  ];
}

/** What admission has against the parts of an object that breaks the schema elsewhere: one fault does not hide the next. */
export function validateParts({ backends, sources }: NonNullable<ParsedPolicy["readable"]>): readonly Problem[] {
  return [
    ...backends.flatMap((backend, index) => (backend === undefined ? [] : protocolProblems(backend, index))),
    ...sources.flatMap((source, index) => (source === undefined ? [] : sourceProblems(source, index))),
  ];
}

function error(path: string, message: string): Problem {
  return { severity: "error", path, message };
}

function warning(path: string, message: string): Problem {
  return { severity: "warning", path, message };
}

function duplicateProblems(policy: Policy): readonly Problem[] {
  const seen = new Set<string>();
  return policy.backends.flatMap(({ name, port }, index) => {
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

function protocolProblems(backend: BackendSpec, index: number): readonly Problem[] {
  if (readProtocol(backend.port.protocol) !== undefined) return [];
  return [
    error(
      `spec.backends[${index}].port.protocol`,
      `Expected 'port.protocol' to be 'http' or 'https', got: ${backend.port.protocol}`,
    ),
  ];
}

function backendProblems(policy: Policy, backend: BackendSpec, index: number): readonly Problem[] {
  const path = `spec.backends[${index}]`;
  const unknown = protocolProblems(backend, index);
  if (unknown.length > 0) return unknown;
  if (demandsCertificate(backend) && !policy.sources.some((source) => source.kind === "AuthenticatedPrincipal")) {
    return [
      error(
        path,
        "HTTPS ingress with client certificate validation enabled must specify at least one 'AuthenticatedPrincipal` source",
      ),
    ];
  }
  return [];
}

function conflictProblems(policy: Policy, others: readonly Policy[]): readonly Problem[] {
  const conflicts = others
    .filter((other) => other.namespace === policy.namespace && other.name !== policy.name)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((other) => {
      const clashes = policy.backends.filter((mine) =>
        other.backends.some((theirs) => theirs.name === mine.name && theirs.port.number === mine.port.number),
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

/** The first rule that a source breaks; `undefined` when it is fine. Shared with compile.ts, which closes on all but a bad range. */
export function sourceProblem(
  source: SourceSpec,
): { readonly field: string; readonly message: string; readonly closes: boolean } | undefined {
  switch (source.kind) {
    case "Service":
      if (source.name === "")
        return { field: "name", message: "'source.name' not specified for source kind Service", closes: true };
      if ((source.namespace ?? "") === "")
        return {
          field: "namespace",
          message: "'source.namespace' not specified for source kind Service",
          closes: true,
        };
      return undefined;
    case "AuthenticatedPrincipal":
      if (source.name === "")
        return {
          field: "name",
          message: "'source.name' not specified for source kind AuthenticatedPrincipal",
          closes: true,
        };
      return undefined;
    case "IPRange":
      if (parseRange(source.name) !== undefined) return undefined;
      return {
        field: "name",
        message: `Invalid 'source.name' value specified for IPRange. Expected CIDR notation 'a.b.c.d/x', got '${source.name}'`,
        closes: source.name === "",
      };
    default:
      return {
        field: "kind",
        message: "Invalid 'source.kind' value specified. Must be one of: Service, AuthenticatedPrincipal, IPRange",
        closes: true,
      };
  }
}

function sourceProblems(source: SourceSpec, index: number): readonly Problem[] {
  const problem = sourceProblem(source);
  return problem === undefined ? [] : [error(`spec.sources[${index}].${problem.field}`, problem.message)];
}

function warnings(policy: Policy): readonly Problem[] {
  const found: Problem[] = [];
  if (policy.enforcementProblem !== undefined) found.push(warning("metadata.annotations", policy.enforcementProblem));
  if (policy.hasMatches) found.push(warning("spec.matches", "spec.matches is accepted and has no effect"));
  if (policy.sources.length === 0) found.push(warning("spec.sources", "no source is listed: nobody is let in"));
  const hasPrincipals = policy.sources.some((source) => source.kind === "AuthenticatedPrincipal");
  policy.backends.forEach((backend, index) => {
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
  policy.sources.forEach((source, index) => {
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
