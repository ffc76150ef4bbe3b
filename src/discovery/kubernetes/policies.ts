/** IngressBackends of one namespace, from OSM's API group and from that of its fork, where they are installed. */
import { definedFields } from "../../telemetry/defined-fields.ts";
import type { ResourceHealth } from "../discovery.ts";
import type { InvalidPolicy, ObjectKey, Policy } from "../../policy/model.ts";
import { claimsOf, precedenceByName } from "../same-name.ts";
import { parseIngressBackend } from "../../policy/objects/parse.ts";
import { isRecord, listOf, textOf } from "../../api-server/objects.ts";
import type { KubernetesObject } from "../../api-server/objects.ts";
import { Reflector } from "../../api-server/watch/reflector.ts";
import type { ReflectorEnvironment } from "../../api-server/watch/reflector-environment.ts";

const OSM_GROUP = "policy.openservicemesh.io";
const FLOMESH_GROUP = "policy.flomesh.io";

/** One IngressBackend as the API server has it. */
export interface FollowedPolicy {
  readonly group: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Kept as long as the object's generation stands, so that a change of status alone changes no world. */
  readonly object: Policy | InvalidPolicy;
  readonly status: {
    readonly currentStatus: string;
    readonly reason: string;
    /** Made by `detailOf`. */
    readonly detail: string;
  };
}

export interface PolicyFollowerOptions {
  readonly namespace: string;
  readonly onChange: () => void;
}

export class PolicyFollower {
  readonly #osm: Reflector<FollowedPolicy>;
  readonly #flomesh: Reflector<FollowedPolicy>;

  constructor(environment: ReflectorEnvironment, options: PolicyFollowerOptions) {
    const follow = (group: string): Reflector<FollowedPolicy> =>
      new Reflector<FollowedPolicy>(environment, {
        resource: `ingressbackends.${group}`,
        path: `/apis/${group}/v1alpha1/namespaces/${options.namespace}/ingressbackends`,
        selector: {},
        project: (object, identity, previous) => readPolicy(group, object, identity, previous),
        onChange: options.onChange,
        // The fork's group is there or not; nobody has to install it.
        optional: group === FLOMESH_GROUP,
      });
    this.#osm = follow(OSM_GROUP);
    this.#flomesh = follow(FLOMESH_GROUP);
  }

  start(): void {
    this.#osm.start();
    this.#flomesh.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#osm.stop(), this.#flomesh.stop()]);
  }

  /** Both groups have had their first answer. */
  get settled(): boolean {
    return this.#osm.settled && this.#flomesh.settled;
  }

  /** What governs is known. A group that we may not read can only add refusals, so the fork's never holds anything up. */
  get synced(): boolean {
    return this.#osm.synced && this.#flomesh.settled;
  }

  health(): readonly ResourceHealth[] {
    const fork = this.#flomesh.health();
    const osm = this.#osm.health();
    const forkServes = this.#flomesh.synced && !this.#flomesh.absent;
    // Where only the fork is installed, the absence of the original is no failure.
    if (forkServes && this.#osm.absent) return [fork];
    // Looked for every few minutes: a server that is away when its turn comes must not make everything look that old.
    return this.#flomesh.absent ? [osm] : [osm, fork];
  }

  /**
   * By key, with the objects of the same name that have no effect. What may not be read any more closes what it governed,
   * rather than leave it to an object of the other group.
   */
  collect(): {
    readonly governing: ReadonlyMap<ObjectKey, FollowedPolicy>;
    readonly shadowed: readonly FollowedPolicy[];
  } {
    const found = precedenceByName([...this.#osm.items.values(), ...this.#flomesh.items.values()]);
    return {
      governing: new Map([...found].map(([key, { governing }]) => [key, this.#asFarAsKnown(governing)])),
      shadowed: [...found.values()].flatMap(({ shadowed }) => shadowed),
    };
  }

  #asFarAsKnown(policy: FollowedPolicy): FollowedPolicy {
    const { unknown } = policy.group === OSM_GROUP ? this.#osm : this.#flomesh;
    return unknown === undefined ? policy : { ...policy, object: closedBecause(policy.object, unknown) };
  }
}

const CLOSED = new WeakMap<Policy | InvalidPolicy, InvalidPolicy>();

/** The object as one that claims its backends and closes them. The same for the same object and reason, so that it changes no world. */
export function closedBecause(object: Policy | InvalidPolicy, message: string): InvalidPolicy {
  const last = CLOSED.get(object);
  if (last?.problems[0]?.message === message) return last;
  const { name, namespace, uid, createdAt, generation } = object;
  const closed: InvalidPolicy = {
    name,
    namespace,
    ...definedFields({ uid, createdAt, generation }),
    backends: claimsOf(object),
    problems: [{ severity: "error", path: "", message }],
  };
  CLOSED.set(object, closed);
  return closed;
}

function readPolicy(
  group: string,
  object: KubernetesObject,
  identity: { readonly name: string; readonly namespace: string; readonly uid: string },
  previous: FollowedPolicy | undefined,
): FollowedPolicy | undefined {
  const parsed = parseIngressBackend(object);
  const read = parsed.policy ?? parsed.invalid;
  if (read === undefined) return undefined;
  // Annotations have no part in the generation.
  const unchanged =
    previous?.uid === identity.uid &&
    read.generation !== undefined &&
    previous.object.generation === read.generation &&
    enforcementOf(previous.object) === enforcementOf(read);
  const { status } = object;
  return {
    group,
    name: identity.name,
    namespace: identity.namespace,
    uid: identity.uid,
    object: unchanged ? previous.object : read,
    status: {
      currentStatus: textOf(status, "currentStatus") ?? "",
      reason: textOf(status, "reason") ?? "",
      detail: detailOf(listOf(status, "warnings"), listOf(status, "backends")),
    },
  };
}

function enforcementOf(object: Policy | InvalidPolicy): string {
  return "problems" in object
    ? ""
    : `${object.auditUntil ?? ""} ${object.alwaysEnforced ?? ""} ${object.enforcementProblem ?? ""}`;
}

/** What a status says beside OSM's two fields, for comparison: an API server keeps no order of members. */
export function detailOf(warnings: readonly unknown[], backends: readonly unknown[]): string {
  const rows = backends.map((backend) => {
    const { port, open, reason, detail } = isRecord(backend) ? backend : {};
    return [port, open, reason, detail];
  });
  return JSON.stringify([warnings, rows]);
}
