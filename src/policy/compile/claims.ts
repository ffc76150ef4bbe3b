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
  ambiguity?: string | undefined;
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
  for (const claim of inOrderOfPrecedence(world, self)) {
    const backend = `${claim.service}:${claim.port}`;
    const governedBy = governors.get(backend);
    const stakes = standing.get(claim.port) ?? [];
    const own = stakes.find((stake) => stake.claim.key === claim.key);
    governors.set(backend, governedBy ?? claim.key);
    if (governedBy !== undefined && governedBy !== claim.key) rejected.push({ claim, governedBy });
    else if (own !== undefined) own.ambiguity ??= contradiction(own.claim, claim);
    else if (stakes[0] === undefined || asksTheSame(stakes[0], claim)) standing.set(claim.port, [...stakes, { claim }]);
    else rejected.push({ claim, governedBy: stakes[0].claim.key, otherDemand: describeDemand(stakes[0]) });
  }
  return { standing, rejected };
}

function contradiction(first: Claim, second: Claim): string | undefined {
  if (first.service === second.service)
    return `Duplicate backends detected with service name: ${second.service} and port: ${second.port}`;
  if (sameTreatment(first, second)) return undefined;
  return `Services ${first.service} and ${second.service} name port ${second.port} of one pod with different protocol or tls settings`;
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
