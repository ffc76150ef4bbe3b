/** What one object asks of the callers of a backend, or why it lets nobody in, whatever the cluster holds. */
import { parseRange } from "../address/address.ts";
import type { RefusalReason } from "../decision.ts";
import type { BackendSpec, Policy } from "../model.ts";
import { patternProblem } from "../server-name.ts";
import { demandsCertificate, readProtocol, type Protocol } from "../protocol.ts";
import { sourceProblem } from "../objects/validate.ts";

export interface Demands {
  readonly protocol: Protocol;
  readonly clientCertificate: boolean;
  /** Patterns of `tls.sniHosts`; empty where every name is good. */
  readonly serverNames: readonly string[];
}

export interface ClosedByItself {
  readonly reason: RefusalReason & ("invalid-policy" | "no-usable-source");
  readonly detail: string;
}

/** @param policy one that satisfies its schema */
export function demandsOf(policy: Policy, backend: BackendSpec): Demands | ClosedByItself {
  const invalid = (detail: string): ClosedByItself => ({ reason: "invalid-policy", detail });
  const protocol = readProtocol(backend.port.protocol);
  if (protocol === undefined)
    return invalid(`Expected 'port.protocol' to be 'http' or 'https', got: ${backend.port.protocol}`);
  const faulty = policy.sources.map(sourceProblem).find((problem) => problem?.closes === true);
  if (faulty !== undefined) return invalid(faulty.message);
  const serverNames = protocol === "https" ? (backend.tls?.sniHosts ?? []) : [];
  const badPattern = serverNames.map(patternProblem).find((problem) => problem !== undefined);
  if (badPattern !== undefined) return invalid(badPattern);
  const clientCertificate = demandsCertificate(backend);
  const useless = uselessSources(policy, clientCertificate);
  return useless === undefined
    ? { protocol, clientCertificate, serverNames }
    : { reason: "no-usable-source", detail: useless };
}

/** Why the sources let nobody in by themselves, or `undefined`. Where OSM opens the backend to everyone, it stays closed. */
function uselessSources({ sources }: Policy, clientCertificate: boolean): string | undefined {
  if (sources.length === 0) return "no source is listed: nobody is let in";
  const listed = sources.filter(({ kind }) => kind === "Service" || kind === "IPRange");
  const invalid = listed.filter(({ kind, name }) => kind === "IPRange" && parseRange(name) === undefined);
  if (listed.length > 0 && listed.length === invalid.length)
    return `every address source is invalid: ${[...new Set(invalid.map(({ name }) => name))].join("; ")}`;
  if (listed.length > 0 || clientCertificate) return undefined;
  return "only AuthenticatedPrincipal sources are listed, but no client certificate is asked for: add a Service or IPRange source";
}
