/** An object that is read as nothing, although somebody meant it as a policy. Pure. */
import { didYouMean, nearestName } from "../../config/did-you-mean.ts";
import { INGRESS_BACKEND_VERSIONS } from "../../policy/parse.ts";
import type { ManifestObject } from "./documents.ts";

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

/** @returns one that says what was expected, or nothing */
export function misspelt({ kind, apiVersion, file, document, line }: ManifestObject): readonly Misspelt[] {
  const find = (path: Misspelt["path"], message: string): readonly Misspelt[] => [
    { file, document, line, object: `${apiVersion} ${kind}`, path, message },
  ];
  const [group = ""] = apiVersion.split("/");
  if (INGRESS_BACKEND_VERSIONS.includes(apiVersion)) {
    if (kind === KIND || OTHER_KINDS.includes(kind)) return [];
    return find("kind", `unknown kind '${kind}'${didYouMean(kind, [KIND, ...OTHER_KINDS])}`);
  }
  if (nearestName(kind, [KIND]) === undefined) return [];
  const near = nearestName(group, GROUPS) ?? GROUPS[0];
  const expected = INGRESS_BACKEND_VERSIONS.find((version) => version.startsWith(`${near}/`));
  return find("apiVersion", `unknown apiVersion '${apiVersion}' of kind ${kind}; expected ${expected}`);
}
