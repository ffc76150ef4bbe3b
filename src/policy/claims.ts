/**
 * Which object governs which port. Several objects may claim one backend port; exactly one governs it, so that the
 * addresses of one never meet the principals of another (OSM fault 2: the listener and the routes each picked one).
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
} from "./model.ts";

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

export interface Claims {
  /** One claim a port. */
  readonly governing: ReadonlyMap<BackendPort, Claim>;
  /** Claims of other objects on a port that is governed already, with the governing object. */
  readonly rejected: readonly { readonly claim: Claim; readonly governedBy: ObjectKey }[];
  /** Ports where the governing object names its backend more than once, and how: that backend is closed. */
  readonly ambiguous: ReadonlyMap<number, string>;
}

/** Claims on this pod's ports: by objects of its own namespace that name one of its Services. */
export function collectClaims(world: World, self: Self): Claims {
  const governing = new Map<BackendPort, Claim>();
  const rejected: { claim: Claim; governedBy: ObjectKey }[] = [];
  const ambiguous = new Map<number, string>();
  for (const claim of inOrderOfPrecedence(world, self)) {
    const first = governing.get(claim.port);
    if (first === undefined) governing.set(claim.port, claim);
    else if (first.key !== claim.key) rejected.push({ claim, governedBy: first.key });
    else if (first.service === claim.service) {
      ambiguous.set(
        claim.port,
        `Duplicate backends detected with service name: ${claim.service} and port: ${claim.port}`,
      );
    } else if (!sameTreatment(first, claim)) {
      ambiguous.set(
        claim.port,
        `Services ${first.service} and ${claim.service} name port ${claim.port} of one pod with different protocol or tls settings`,
      );
    }
  }
  return { governing, rejected, ambiguous };
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
  const claims: readonly Claim[] =
    "problems" in object
      ? object.backends.map(({ name, port }) => ({ port: backendPort(port), key, service: name, invalid: object }))
      : object.backends.map((backend) => ({
          port: backendPort(backend.port.number),
          key,
          service: backend.name,
          policy: object,
          backend,
        }));
  return claims.filter((claim) => self.services.includes(claim.service));
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
