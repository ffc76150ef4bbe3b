/**
 * What `import ... from "postern/policy"` gives: the decision as a library, over Kubernetes objects as they are read from
 * YAML or JSON. Pure: no I/O, no clock.
 *
 * It re-exports types, which no other file here does: an entry of a package's export map is one file, and whoever imports
 * it can name nothing else. Nothing inside Postern may import it.
 */
import { sortObjects } from "./discovery/manifests/kinds.ts";
import { buildWorld } from "./discovery/world.ts";
import { readMoment, readObjects, readPeer, readSelf, readVersion } from "./policy-library-input.ts";
import { authorizeBy, ruleFor, type Moment } from "./policy/authorize.ts";
import { compile as compileWorld } from "./policy/compile/compile.ts";
import type { Decision, PeerTls } from "./policy/decision.ts";
import { backendPort, type Problem, type Self } from "./policy/model.ts";
import { INGRESS_BACKEND_VERSIONS, parseIngressBackend } from "./policy/objects/parse.ts";
import type { Snapshot } from "./policy/snapshot.ts";
import { asRecord, asString, field, typeName } from "./policy/objects/unknown.ts";
import { validatePolicy } from "./policy/objects/validate.ts";

export type { Moment } from "./policy/authorize.ts";
export type {
  Allowed,
  Decision,
  PeerCertificate,
  PeerTls,
  Refused,
  RefusalReason,
  San,
  Verdict,
} from "./policy/decision.ts";
export type { Problem, Self } from "./policy/model.ts";
export type { PolicyStatus, Rule, Snapshot } from "./policy/snapshot.ts";

/** One caller, as a socket shows it. */
export interface Caller {
  /** Text of its IP address. What is no address is in no set. */
  readonly address: string;
  /** Absent where it speaks plaintext. */
  readonly tls?: PeerTls;
}

/**
 * Holds one IngressBackend against the schema of its CRD, then against OSM's admission rules.
 *
 * @param others the other IngressBackends: those of the same namespace can claim the same backends
 * @returns everything found, warnings included; without an error the object is good
 * @throws TypeError when `others` is no array
 */
export function validate(ingressBackend: unknown, others: readonly unknown[] = []): readonly Problem[] {
  const policies = readObjects("others", others).flatMap((other) => parseIngressBackend(other).policy ?? []);
  const { policy, problems } = parseIngressBackend(ingressBackend);
  return [
    ...typeProblems(ingressBackend),
    ...problems,
    ...(policy === undefined ? [] : validatePolicy(policy, policies)),
  ];
}

/**
 * Compiles the objects, seen from one pod. Whatever the objects hold, it does not throw: what cannot be read closes what it
 * claims.
 *
 * @param objects IngressBackends, Services, EndpointSlices, Endpoints and Namespaces in any order, and Lists of them; others
 * are ignored
 * @param self where the pod stands, and the Services that it backs
 * @param version number of the snapshot, for whoever keeps several
 * @throws TypeError when an argument, or a field of `self`, is of another type than declared
 */
export function compile(objects: readonly unknown[], self: Self, version = 1): Snapshot {
  const typed = readObjects("objects", objects).map((value) => ({
    value,
    kind: asString(field(value, "kind")) ?? "",
    apiVersion: asString(field(value, "apiVersion")) ?? "",
  }));
  return compileWorld(buildWorld(sortObjects(typed)), readSelf(self), readVersion(version));
}

/**
 * Decides whether a caller may reach the backend on a (target) port. Never throws: whatever it does not know, it refuses. What
 * is no snapshot of `compile`, or went through JSON, is refused as `no-snapshot`.
 *
 * @param moment the time by which an audit is in force or over; without it every rule is enforced
 */
export function authorize(snapshot: Snapshot, port: number, caller: Caller, moment?: Moment): Decision {
  try {
    return authorizeBy(ruleFor(snapshot, backendPort(port), readMoment(moment)), readPeer(caller));
  } catch {
    // It lacks what `compile` puts into one. A getter of the caller's may have thrown, too.
    return { verdict: "close", reason: "no-snapshot" };
  }
}

/** Of the fields by which `compile` tells that it is an IngressBackend. */
function typeProblems(object: unknown): readonly Problem[] {
  const root = asRecord(object);
  const problems = (path: string, allowed: readonly string[]): readonly Problem[] => {
    const value = field(root, path);
    if (value === undefined) return [{ severity: "error", path, message: "Required value" }];
    if (allowed.some((one) => one === value)) return [];
    const names = allowed.map((one) => `'${one}'`).join(" or ");
    const message = `Expected '${path}' to be ${names}, got: ${asString(value) ?? typeName(value)}`;
    return [{ severity: "error", path, message }];
  };
  return [...problems("apiVersion", INGRESS_BACKEND_VERSIONS), ...problems("kind", ["IngressBackend"])];
}
