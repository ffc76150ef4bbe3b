/** Where the pod stands in an object of each kind. Pure. */
import { isFields } from "./fields.ts";
import type { Fields, PodManifest } from "./injection.ts";

/** API groups, the version left out: a pod template looks the same in all of them. */
const POD_PATHS: Readonly<Record<string, readonly string[]>> = {
  "/Pod": [],
  "/ReplicationController": ["spec", "template"],
  "apps/Deployment": ["spec", "template"],
  "apps/StatefulSet": ["spec", "template"],
  "apps/DaemonSet": ["spec", "template"],
  "apps/ReplicaSet": ["spec", "template"],
  "batch/Job": ["spec", "template"],
  "batch/CronJob": ["spec", "jobTemplate", "spec", "template"],
};

/** Path of the pod in an object, `undefined` for an object without one. */
export function podPath({ apiVersion, kind }: Fields): readonly string[] | undefined {
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const key = `${apiVersion.includes("/") ? apiVersion.split("/")[0] : ""}/${kind}`;
  return Object.hasOwn(POD_PATHS, key) ? POD_PATHS[key] : undefined;
}

/** The pod of an object; `undefined` where something else stands in its place. */
export function podAt(object: Fields, path: readonly string[]): PodManifest | undefined {
  let place: unknown = object;
  for (const key of path) place = isFields(place) ? place[key] : undefined;
  return isFields(place) && isFields(place["spec"]) ? (place as PodManifest) : undefined;
}

/** The object with another pod at the path. */
export function withPod(object: Fields, path: readonly string[], pod: Fields): Fields {
  const [key, ...rest] = path;
  if (key === undefined) return pod;
  const inner = object[key];
  return { ...object, [key]: withPod(isFields(inner) ? inner : {}, rest, pod) };
}
