/**
 * Whether a replay judges all that its manifests mean as a policy. An object that is left out must not be reported as an edit
 * by which nobody loses access. Pure.
 */
import { didYouMean } from "../config/did-you-mean.ts";
import type { ManifestFault, ManifestObject } from "../discovery/manifests/documents.ts";
import { misspelt } from "../discovery/manifests/misspelt.ts";
import { candidatesIn, groupOf, precedenceByName, wordsOfShadowed } from "../discovery/same-name.ts";
import { objectKey, type ObjectKey } from "../policy/model.ts";
import { parseIngressBackend } from "../policy/objects/parse.ts";
import type { ServiceState } from "../policy/service-state.ts";
import { alternatives } from "../policy/snapshot.ts";
import { policiesIn } from "./manifest-findings.ts";

export interface EditedManifests {
  readonly objects: readonly ManifestObject[];
  /** Files that are left out. */
  readonly faults: readonly ManifestFault[];
}

/** @returns each thing that cannot be judged, with its place and what to do */
export function notJudged({ objects, faults }: EditedManifests, namespace: string): readonly string[] {
  return [
    ...faults.map(
      ({ file, document, line, message }) =>
        `${file}:${line}: document ${document} is broken, and its file would be left out: ${message}`,
    ),
    ...objects
      .flatMap(misspelt)
      .map(({ file, line, object, message }) => `${file}:${line}: ${object} would be left out: ${message}`),
    ...policiesIn(objects).flatMap((object) => elsewhere(object, namespace)),
  ];
}

function elsewhere(object: ManifestObject, namespace: string): readonly string[] {
  const key = keyOf(object);
  const [of = ""] = key.split("/");
  if (of === namespace) return [];
  const near = didYouMean(of, [namespace], "mend its metadata.namespace, or give a directory without it");
  return [
    `${object.file}:${object.line}: IngressBackend ${key} would be left out: it is of namespace '${of}' (default where metadata.namespace is missing), and the pod of '${namespace}'${near}`,
  ];
}

/**
 * @param all IngressBackends of the state, the edited ones among them
 * @returns each edited object that another one of its name keeps from having an effect, with its place
 */
export function withoutEffect({ objects }: EditedManifests, all: readonly unknown[]): readonly string[] {
  const precedence = precedenceByName(candidatesIn(all));
  return policiesIn(objects).flatMap((object) => {
    const { governing, shadowed = [] } = precedence.get(keyOf(object)) ?? {};
    const loser = shadowed.find(({ group }) => group === groupOf(object.value));
    if (governing === undefined || loser === undefined) return [];
    return [`${object.file}:${object.line}: IngressBackend ${keyOf(object)}: ${wordsOfShadowed(loser, governing)}`];
  });
}

/** @returns the IngressBackends that the state was made of, in the order of the files */
export function editedKeys({ objects }: EditedManifests): readonly ObjectKey[] {
  return [...new Set(policiesIn(objects).map(keyOf))];
}

function keyOf({ value }: ManifestObject): ObjectKey {
  const { policy, invalid } = parseIngressBackend(value);
  const { namespace, name } = policy ?? invalid ?? { namespace: "", name: "" };
  return objectKey(namespace, name);
}

/** @returns those that decide about a port of this pod, open or closed */
export function governing(keys: readonly ObjectKey[], { snapshot }: ServiceState): readonly ObjectKey[] {
  const found = new Set([...snapshot.rules.values()].flatMap((rule) => alternatives(rule).map(({ policy }) => policy)));
  return keys.filter((key) => found.has(key));
}
