/** An object that is read as nothing, although somebody meant it as a policy, or as what policies are judged with. Pure. */
import { didYouMean, nearestName } from "../../config/did-you-mean.ts";
import { INGRESS_BACKEND_VERSIONS } from "../../policy/objects/parse.ts";
import type { ManifestObject } from "./documents.ts";
import { listOf } from "./kinds.ts";

export interface Misspelt extends Pick<ManifestObject, "file" | "document" | "line"> {
  /** Its apiVersion and kind as they stand. */
  readonly object: string;
  readonly path: "kind" | "apiVersion";
  readonly message: string;
}

const KIND = "IngressBackend";
/** Of the same group, and none of our business. */
const OTHER_KINDS: readonly string[] = [
  "Egress",
  "Retry",
  "UpstreamTrafficSetting",
  "Telemetry",
  "AccessControl",
  "AccessCert",
];
const GROUPS: readonly string[] = INGRESS_BACKEND_VERSIONS.map((version) => version.split("/")[0] ?? "");

/** Of the core API, read or not: what is near to one that is not read was not meant as one that is. */
const CORE_KINDS: readonly string[] = [
  "Binding",
  "ComponentStatus",
  "ConfigMap",
  "Endpoints",
  "Event",
  "LimitRange",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Pod",
  "PodTemplate",
  "ReplicationController",
  "ResourceQuota",
  "Secret",
  "Service",
  "ServiceAccount",
];
const SLICE_GROUP = "discovery.k8s.io";
/** Kinds that no other API has: `Service` is one of Knative's too. */
const ELSEWHERE_NONE: Readonly<Record<string, string>> = { EndpointSlice: `${SLICE_GROUP}/v1`, Endpoints: "v1" };

/** @returns one that says what was expected, or nothing */
export function misspelt(manifest: ManifestObject): readonly Misspelt[] {
  const { kind, apiVersion, file, document, line } = manifest;
  const find = (path: Misspelt["path"], message: string): readonly Misspelt[] => [
    { file, document, line, object: `${apiVersion} ${kind}`, path, message },
  ];
  const [group = ""] = apiVersion.split("/");
  if (INGRESS_BACKEND_VERSIONS.includes(apiVersion)) {
    if (kind === KIND || OTHER_KINDS.includes(kind)) return [];
    return find("kind", `unknown kind '${kind}'${didYouMean(kind, [KIND, ...OTHER_KINDS])}`);
  }
  if (listOf(manifest) !== undefined) return [];
  const elsewhere = Object.hasOwn(ELSEWHERE_NONE, kind) ? ELSEWHERE_NONE[kind] : undefined;
  if (elsewhere !== undefined)
    return find("apiVersion", `unknown apiVersion '${apiVersion}' of kind ${kind}; expected ${elsewhere}`);
  const meant = kindMeant(kind, apiVersion, group);
  if (meant !== undefined) return find("kind", `unknown kind '${kind}', did you mean '${meant}'?`);
  if (nearestName(kind, [KIND]) === undefined) return [];
  const near = nearestName(group, GROUPS) ?? GROUPS[0];
  const expected = INGRESS_BACKEND_VERSIONS.find((version) => version.startsWith(`${near}/`));
  return find("apiVersion", `unknown apiVersion '${apiVersion}' of kind ${kind}; expected ${expected}`);
}

/** @returns the kind of the API that is read and stands nearest, where no other kind of it does */
function kindMeant(kind: string, apiVersion: string, group: string): string | undefined {
  const kinds = apiVersion === "v1" ? CORE_KINDS : group === SLICE_GROUP ? ["EndpointSlice"] : [];
  const near = kinds.includes(kind) ? undefined : nearestName(kind, kinds);
  return near !== undefined && listOf({ kind: near, apiVersion }) !== undefined ? near : undefined;
}
