/** A namespace or Service that was asked about and of which nothing that is judged by speaks: a slip, not a policy. Pure. */
import { didYouMean } from "../config/did-you-mean.ts";
import type { World } from "../policy/model.ts";
import { splitBackendName } from "../policy/own-service.ts";
import type { WorldQuestion } from "./explain-question.ts";

const MOST_NAMED = 10;

/** @returns what is not known, and what is; `undefined` where one Service at least is spoken of */
export function unknownPlace(
  world: World,
  { namespace, services, directory, kubeconfig }: WorldQuestion,
): string | undefined {
  const known = servicesByNamespace(world);
  const where = [directory, kubeconfig].filter((place) => place !== undefined).join(" and ");
  const ours = known.get(namespace);
  if (ours === undefined)
    return `--namespace ${namespace}: ${where} has no IngressBackend, Service or EndpointSlice of it${namesOf(namespace, [...known.keys()])}`;
  if (services.some((service) => ours.has(service))) return undefined;
  return `--service ${services.join(", ")}: no IngressBackend, Service or EndpointSlice of namespace ${namespace} in ${where} names it${namesOf(services[0] ?? "", [...ours])}`;
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
