/**
 * What `import ... from "postern/policy"` gives: the decision as a library, over Kubernetes objects as they are read from
 * YAML or JSON. Pure: no I/O, no clock.
 *
 * It re-exports types, which no other file here does: an entry of a package's export map is one file, and whoever imports
 * it can name nothing else. Nothing inside Postern may import it.
 */
import { listOf } from "./discovery/manifests/kinds.ts";
import { buildWorld, type WorldObjects } from "./discovery/world.ts";
import { authorize as authorizePeer } from "./policy/authorize.ts";
import { compile as compileWorld } from "./policy/compile/compile.ts";
import type { Decision, PeerTls } from "./policy/decision.ts";
import { backendPort, type Problem, type Self } from "./policy/model.ts";
import { parseIngressBackend } from "./policy/objects/parse.ts";
import { peerAddress } from "./policy/address/peer-address.ts";
import type { Snapshot } from "./policy/snapshot.ts";
import { asRecord, asString } from "./policy/objects/unknown.ts";
import { validatePolicy } from "./policy/objects/validate.ts";

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
 */
export function validate(ingressBackend: unknown, others: readonly unknown[] = []): readonly Problem[] {
  const { policy, problems } = parseIngressBackend(ingressBackend);
  if (policy === undefined) return problems;
  return [
    ...problems,
    ...validatePolicy(
      policy,
      others.flatMap((other) => parseIngressBackend(other).policy ?? []),
    ),
  ];
}

/**
 * Compiles the objects, seen from one pod. Never throws: what cannot be read closes what it claims.
 *
 * @param objects IngressBackends, Services, EndpointSlices, Endpoints and Namespaces in any order; others are ignored
 * @param self where the pod stands, and the Services that it backs
 * @param version number of the snapshot, for whoever keeps several
 */
export function compile(objects: readonly unknown[], self: Self, version = 1): Snapshot {
  return compileWorld(buildWorld(sort(objects)), self, version);
}

/** Decides whether a caller may reach the backend on a (target) port. Never throws: whatever it does not know, it refuses. */
export function authorize(snapshot: Snapshot, port: number, { address, tls }: Caller): Decision {
  return authorizePeer(snapshot, backendPort(port), { address: peerAddress(address), ...(tls && { tls }) });
}

function sort(objects: readonly unknown[]): WorldObjects {
  const lists = Map.groupBy(objects, (object) => {
    const record = asRecord(object);
    return listOf({ kind: asString(record?.["kind"]) ?? "", apiVersion: asString(record?.["apiVersion"]) ?? "" });
  });
  return {
    ingressBackends: lists.get("ingressBackends") ?? [],
    services: lists.get("services") ?? [],
    endpointSlices: lists.get("endpointSlices") ?? [],
    endpoints: lists.get("endpoints") ?? [],
    namespaces: lists.get("namespaces") ?? [],
  };
}
