/**
 * Which IngressBackend governs where several have one namespace and name: each of the two API groups may hold one, and a
 * directory may hold one object several times. The one rule for all sources of policy. Pure.
 */
import { objectKey, type InvalidPolicy, type ObjectKey, type Policy, type Problem } from "../policy/model.ts";
import { parseIngressBackend } from "../policy/objects/parse.ts";
import { asRecord, asString } from "../policy/objects/unknown.ts";

export interface Candidate {
  /** API group of the object: within one, a name stands for one object. */
  readonly group: string;
  readonly object: Policy | InvalidPolicy;
}

export interface Precedence<One extends Candidate> {
  /** Its object is closed where the candidates contradict each other. */
  readonly governing: One;
  /** Those that have no effect. */
  readonly shadowed: readonly One[];
}

const CONTRADICTION: Problem = {
  severity: "error",
  path: "metadata.name",
  message: "the object is defined more than once, with different content",
};

/** @param objects IngressBackends as they are read from YAML or JSON */
export function candidatesIn(objects: readonly unknown[]): readonly Candidate[] {
  return objects.flatMap((object): Candidate[] => {
    const { policy, invalid } = parseIngressBackend(object);
    const read = policy ?? invalid;
    return read === undefined ? [] : [{ group: groupOf(object), object: read }];
  });
}

/** API group of an object as it is read from YAML or JSON. */
export function groupOf(object: unknown): string {
  const [group = ""] = (asString(asRecord(object)?.["apiVersion"]) ?? "").split("/");
  return group;
}

/**
 * Objects of one group that differ in what they ask contradict each other, whatever their age. Of two groups the older object
 * governs; of equally old ones that differ none does.
 */
export function precedenceByName<One extends Candidate>(
  candidates: Iterable<One>,
): ReadonlyMap<ObjectKey, Precedence<One>> {
  const named = Map.groupBy(candidates, ({ object }) => objectKey(object.namespace, object.name));
  return new Map([...named].map(([key, ofOneName]) => [key, precedenceOf(ofOneName)]));
}

/** @param candidates of one name; at least one */
function precedenceOf<One extends Candidate>(candidates: readonly One[]): Precedence<One> {
  const groups = [...Map.groupBy(candidates, ({ group }) => group).values()].map(uniteGroup);
  const governing = groups.reduce((former, found) => {
    if (isOlder(found.object, former.object)) return found;
    return isOlder(former.object, found.object) || asksTheSame(former.object, found.object)
      ? former
      : closed(former, found);
  });
  return { governing, shadowed: candidates.filter(({ group }) => group !== governing.group) };
}

function uniteGroup<One extends Candidate>(candidates: readonly One[]): One {
  return candidates.reduce((former, found) => {
    if (!asksTheSame(former.object, found.object)) return closed(former, found);
    return isOlder(found.object, former.object) ? found : former;
  });
}

/** What the status of an object without effect says. */
export function wordsOfShadowed({ object }: Candidate, governing: Candidate): string {
  const winner = `IngressBackend ${objectKey(object.namespace, object.name)} of ${governing.group}`;
  return isOlder(governing.object, object)
    ? `this object has no effect: ${winner} is older and governs`
    : `this object has no effect: ${winner} is as old; delete one of the two`;
}

/** An object without a time counts as newest. */
function isOlder(a: Candidate["object"], b: Candidate["object"]): boolean {
  return (a.createdAt ?? Infinity) < (b.createdAt ?? Infinity);
}

/** Their identity in the API server apart: copies of an object differ in that. */
function asksTheSame(a: Candidate["object"], b: Candidate["object"]): boolean {
  return a === b || demandOf(a) === demandOf(b);
}

function demandOf({
  uid: _uid,
  createdAt: _createdAt,
  generation: _generation,
  ...demand
}: Candidate["object"]): string {
  return JSON.stringify(demand);
}

/** The same for the same two, so that it changes no world. */
const CLOSED = new WeakMap<Candidate["object"], WeakMap<Candidate["object"], InvalidPolicy>>();

/** Nobody can tell which is meant, so whatever either claims stays closed. */
function closed<One extends Candidate>(former: One, { object: found }: One): One {
  const { object } = former;
  const known = CLOSED.get(object) ?? new WeakMap<Candidate["object"], InvalidPolicy>();
  const contradiction = known.get(found) ?? contradictionOf(object, found);
  CLOSED.set(object, known.set(found, contradiction));
  return { ...former, object: contradiction };
}

/** The object is closed because there are several of its name that differ, and none is said to govern. */
export function isContradiction(object: Candidate["object"]): boolean {
  return "problems" in object && object.problems.includes(CONTRADICTION);
}

function contradictionOf(a: Candidate["object"], b: Candidate["object"]): InvalidPolicy {
  const { createdAt } = isOlder(b, a) ? b : a;
  return {
    name: a.name,
    namespace: a.namespace,
    ...(createdAt !== undefined && { createdAt }),
    backends: [...claimsOf(a), ...claimsOf(b)],
    problems: [CONTRADICTION],
  };
}

/** What the object claims, which it keeps when it is closed. */
export function claimsOf(object: Candidate["object"]): InvalidPolicy["backends"] {
  return "problems" in object
    ? object.backends
    : object.backends.map(({ name, port }) => ({ name, port: port.number }));
}
