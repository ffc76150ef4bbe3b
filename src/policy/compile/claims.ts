/**
 * Which object governs which backend. Several objects may claim one; exactly one governs it, so that the addresses of one
 * never meet the principals of another (OSM fault 2: the listener and the routes each picked one).
 */
import {
  objectKey,
  type BackendSpec,
  type InvalidPolicy,
  type ObjectKey,
  backendPort,
  type BackendPort,
  type Policy,
  type Self,
  type World,
} from "../model.ts";
import { ownService } from "../own-service.ts";
import { demandsCertificate, readProtocol } from "../protocol.ts";

/** A claim on a port by an object that can be judged, or by one that cannot and closes what it claims. */
export type Claim =
  | {
      readonly port: BackendPort;
      readonly key: ObjectKey;
      readonly service: string;
      readonly policy: Policy;
      readonly backend: BackendSpec;
    }
  | { readonly port: BackendPort; readonly key: ObjectKey; readonly service: string; readonly invalid: InvalidPolicy };

/** What one object says of one port. */
export interface Stake {
  readonly claim: Claim;
  /** The object contradicts itself about the port, and how: it lets nobody in there. */
  readonly ambiguity?: string | undefined;
}

/** A claim that has no effect, and the object that stands before it. */
export interface RejectedClaim {
  readonly claim: Claim;
  readonly governedBy: ObjectKey;
  /** Set where the two name different Services: then they differ in what they ask of a caller. */
  readonly otherDemand?: string;
}

export interface Claims {
  /** By port, oldest object first. Never an empty list. */
  readonly standing: ReadonlyMap<BackendPort, readonly Stake[]>;
  readonly rejected: readonly RejectedClaim[];
}

/**
 * Claims on this pod's ports: by objects of its own namespace that name one of its Services. The oldest object of a Service
 * and port governs that backend. Objects for different Services stand side by side, as long as they ask the same of a caller:
 * a port speaks one protocol and asks for a certificate of everybody or of nobody, which the oldest decides.
 */
export function collectClaims(world: World, self: Self): Claims {
  const standing = new Map<BackendPort, Stake[]>();
  const rejected: RejectedClaim[] = [];
  const governors = new Map<string, ObjectKey>();
  const claims = inOrderOfPrecedence(world, self);
  const contradictions = contradictionsIn(claims);
  for (const claim of claims) {
    const backend = `${claim.service}:${claim.port}`;
    const governedBy = governors.get(backend);
    const stakes = standing.get(claim.port) ?? [];
    governors.set(backend, governedBy ?? claim.key);
    if (governedBy !== undefined && governedBy !== claim.key) rejected.push({ claim, governedBy });
    else if (stakes.some((stake) => stake.claim.key === claim.key)) continue;
    else if (stakes[0] === undefined || asksTheSame(stakes[0], claim))
      standing.set(claim.port, [...stakes, { claim, ambiguity: contradictions.get(objectAndPort(claim)) }]);
    else rejected.push({ claim, governedBy: stakes[0].claim.key, otherDemand: describeDemand(stakes[0]) });
  }
  return { standing, rejected };
}

/**
 * How objects contradict themselves, by object and port. Claims that another object governs count as well: an older object
 * must not open what the younger one alone would close.
 */
function contradictionsIn(claims: readonly Claim[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const known = new Map<string, { readonly first: Claim; readonly services: Set<string> }>();
  for (const claim of claims) {
    const place = objectAndPort(claim);
    const { first, services } = known.get(place) ?? { first: claim, services: new Set<string>() };
    if (!found.has(place)) {
      if (services.has(claim.service))
        found.set(place, `Duplicate backends detected with service name: ${claim.service} and port: ${claim.port}`);
      else if (services.size > 0 && !sameTreatment(first, claim))
        found.set(
          place,
          `Services ${first.service} and ${claim.service} name port ${claim.port} of one pod with different protocol or tls settings`,
        );
    }
    known.set(place, { first, services: services.add(claim.service) });
  }
  return found;
}

function objectAndPort({ key, port }: Claim): string {
  return `${key}:${port}`;
}

/** An object that cannot be judged asks nothing and lets nobody in: as a younger one it harms nobody, as the oldest it closes the port. */
function asksTheSame(oldest: Stake, claim: Claim): boolean {
  if ("invalid" in oldest.claim || oldest.ambiguity !== undefined) return false;
  const asked = readProtocol(oldest.claim.backend.port.protocol);
  if (asked === undefined) return false;
  if ("invalid" in claim) return true;
  const protocol = readProtocol(claim.backend.port.protocol);
  return (
    protocol === undefined ||
    (protocol === asked && demandsCertificate(claim.backend) === demandsCertificate(oldest.claim.backend))
  );
}

function describeDemand({ claim, ambiguity }: Stake): string {
  if ("invalid" in claim || ambiguity !== undefined || readProtocol(claim.backend.port.protocol) === undefined)
    return "which is invalid and closes the port";
  if (readProtocol(claim.backend.port.protocol) === "http") return "which asks for plaintext";
  return demandsCertificate(claim.backend)
    ? "which asks for TLS with a client certificate"
    : "which asks for TLS without a client certificate";
}

/** Oldest first, an object without a time last, then by name: the same order whatever order the objects came in. */
function inOrderOfPrecedence(world: World, self: Self): readonly Claim[] {
  const objects: readonly (Policy | InvalidPolicy)[] = [...world.policies, ...world.invalidPolicies];
  return objects
    .filter((object) => object.namespace === self.namespace)
    .sort(
      (a, b) =>
        compare(a.createdAt ?? Infinity, b.createdAt ?? Infinity) ||
        compare(a.name, b.name) ||
        compare("problems" in b ? 1 : 0, "problems" in a ? 1 : 0),
    )
    .flatMap((object) => claimsOf(object, self));
}

function claimsOf(object: Policy | InvalidPolicy, self: Self): readonly Claim[] {
  const key = objectKey(object.namespace, object.name);
  if ("problems" in object)
    return object.backends.flatMap(({ name, port }) =>
      ofOwnService(name, self).map((service) => ({ port: backendPort(port), key, service, invalid: object })),
    );
  return object.backends.flatMap((backend) =>
    ofOwnService(backend.name, self).map((service) => ({
      port: backendPort(backend.port.number),
      key,
      service,
      policy: object,
      backend,
    })),
  );
}

function ofOwnService(name: string, self: Self): readonly string[] {
  const service = ownService(name, self);
  return service === undefined ? [] : [service];
}

function sameTreatment(a: Claim, b: Claim): boolean {
  if ("invalid" in a || "invalid" in b) return "invalid" in a && "invalid" in b;
  return (
    a.backend.port.protocol.toLowerCase() === b.backend.port.protocol.toLowerCase() &&
    (a.backend.tls?.skipClientCertValidation ?? false) === (b.backend.tls?.skipClientCertValidation ?? false) &&
    JSON.stringify(a.backend.tls?.sniHosts ?? []) === JSON.stringify(b.backend.tls?.sniHosts ?? [])
  );
}

function compare<Value extends number | string>(a: Value, b: Value): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
