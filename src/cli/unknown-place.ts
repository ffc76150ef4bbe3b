/** A namespace or Service in a question that no object names: it is probably misspelt. Pure. */
import { didYouMean } from "../config/did-you-mean.ts";
import { wordsOfForeign } from "../policy/closed-words.ts";
import { objectKey, type World } from "../policy/model.ts";
import { splitBackendName } from "../policy/own-service.ts";
import type { WorldQuestion } from "./explain-question.ts";

const MOST_NAMED = 10;

export interface UnknownPlace {
  /** Of the namespace, where no object is of it: there is nothing to judge by. */
  readonly namespace?: string;
  /** Then, each object for one of the Services that is in another namespace. */
  readonly elsewhere: readonly string[];
  /** Of each Service in it that no object names. */
  readonly services: readonly string[];
}

/**
 * @param asked Services that somebody wrote down: each may be misspelt. The sidecar's own may have no object among those that
 *   are judged by, unless none of them has one
 * @returns what is not known, and what is, in words
 */
export function unknownPlace(
  world: World,
  { namespace, services, directory, kubeconfig }: WorldQuestion,
  asked: readonly string[] = services,
): UnknownPlace {
  const known = servicesByNamespace(world);
  const where = [directory, kubeconfig].filter((place) => place !== undefined).join(" and ");
  const ours = known.get(namespace);
  if (ours === undefined) {
    const words = `--namespace ${namespace}: ${where} has no IngressBackend, Service or EndpointSlice of it${namesOf(namespace, [...known.keys()])}`;
    return { namespace: words, elsewhere: meantElsewhere(world, namespace, services), services: [] };
  }
  const unknown = services.filter((service) => !ours.has(service));
  const slips = unknown.length === services.length ? unknown : unknown.filter((service) => asked.includes(service));
  return {
    elsewhere: [],
    services: slips.map(
      (service) =>
        `--service ${service}: no IngressBackend, Service or EndpointSlice of namespace ${namespace} in ${where} names it${namesOf(service, [...ours])}`,
    ),
  };
}

/** Objects for one of the Services that are in another namespace, perhaps by mistake. */
function meantElsewhere(
  { policies, invalidPolicies }: World,
  namespace: string,
  services: readonly string[],
): readonly string[] {
  return [...policies, ...invalidPolicies]
    .filter(({ backends }) => backends.some(({ name }) => services.includes(splitBackendName(name).service)))
    .slice(0, MOST_NAMED)
    .map((object) =>
      wordsOfForeign({ policy: objectKey(object.namespace, object.name), namespace: object.namespace }, namespace),
    );
}

function servicesByNamespace({
  policies,
  invalidPolicies,
  services,
  endpoints,
}: World): ReadonlyMap<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const of = (namespace: string): Set<string> => {
    const names = found.get(namespace) ?? new Set();
    found.set(namespace, names);
    return names;
  };
  for (const { namespace, backends } of [...policies, ...invalidPolicies])
    for (const { name } of backends) of(namespace).add(splitBackendName(name).service);
  for (const key of [...services.keys(), ...endpoints.keys()]) {
    const [namespace = "", name = ""] = key.split("/");
    of(namespace).add(name);
  }
  return found;
}

function namesOf(asked: string, names: readonly string[]): string {
  if (names.length === 0) return ", and none of any other";
  const sorted = names.toSorted();
  const more = sorted.length > MOST_NAMED ? ` and ${sorted.length - MOST_NAMED} more` : "";
  return didYouMean(asked, names, `there are those of ${sorted.slice(0, MOST_NAMED).join(", ")}${more}`);
}
