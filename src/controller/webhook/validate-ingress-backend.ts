/**
 * Admission of an IngressBackend: OSM's rules and texts. What an object had already does not stand in the way of changing
 * it: an update is refused only for what it makes worse, so that a namespace's objects stay editable whatever they are.
 */
import { isDeepStrictEqual } from "node:util";
import type { Policy, Problem } from "../../policy/model.ts";
import { ENFORCEMENT_ANNOTATION } from "../../policy/objects/enforcement.ts";
import { parseIngressBackend } from "../../policy/objects/parse.ts";
import { validatePolicy } from "../../policy/objects/validate.ts";
import type { KubernetesObject } from "../../api-server/objects.ts";
import { annotationOf } from "../objects/owned-objects.ts";
import type { AdmissionAnswer, AdmissionRequest } from "./admission.ts";

/** The other objects of the namespace, of every API group that is served. */
export type OtherPolicies = (namespace: string) => Promise<readonly Policy[]>;

/** Rejects when the other objects cannot be read. */
export async function validateIngressBackend(
  { namespace, object, oldObject }: AdmissionRequest,
  others: OtherPolicies,
): Promise<AdmissionAnswer> {
  if (oldObject !== undefined && sameForPolicy(object, oldObject)) return { allowed: true };
  const rest = await others(namespace);
  const problems = problemsOf(object, rest);
  const former = oldObject === undefined ? [] : problemsOf(oldObject, rest);
  const errors = problems.filter(({ severity }) => severity === "error");
  const added = errors.filter(
    ({ message }) => !former.some((one) => one.severity === "error" && one.message === message),
  );
  const warnings = problems.filter((problem) => !added.includes(problem)).map(describe);
  if (added.length === 0) return { allowed: true, warnings };
  return { allowed: false, message: added.map(({ message }) => message).join("\n"), warnings };
}

/** Labels, finalizers and the annotations of others are no policy. */
function sameForPolicy(object: KubernetesObject, former: KubernetesObject): boolean {
  return (
    isDeepStrictEqual(object["spec"], former["spec"]) &&
    annotationOf(object, ENFORCEMENT_ANNOTATION) === annotationOf(former, ENFORCEMENT_ANNOTATION)
  );
}

function problemsOf(object: KubernetesObject, others: readonly Policy[]): readonly Problem[] {
  const { policy, problems } = parseIngressBackend(object);
  return policy === undefined ? problems : [...problems, ...validatePolicy(policy, others, Date.now())];
}

function describe({ severity, path, message }: Problem): string {
  const place = path === "" ? "" : `${path}: `;
  return severity === "error" ? `stays closed: ${place}${message}` : `${place}${message}`;
}
