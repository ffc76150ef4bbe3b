/** The objects of one OSM mesh, out of an export or as an API server lists them. Pure. */
import { MONITORED_LABEL } from "../policy/monitored-label.ts";
import { fieldsAt, isFields, itemsAt, textAt } from "../inject/fields.ts";
import type { Fields } from "../inject/injection.ts";
import { AUTHORITY_KEY, AUTHORITY_SECRET, EXPORTED } from "./exported-kinds.ts";

export interface Installation {
  /** Value of the label of its namespaces. */
  readonly mesh: string;
  /** Where OSM itself runs. */
  readonly namespace: string;
  readonly meshConfig?: Fields;
  /** Of the mesh, by name, sorted; its own is among them where it has the label. */
  readonly namespaces: ReadonlyMap<string, Fields>;
  /** Objects of namespaces of the mesh, by kind. */
  readonly of: (kind: string) => readonly Fields[];
  /** Whether OSM's Secret holds the CA's key; `undefined` where the export does not have the Secret. */
  readonly holdsKey: boolean | undefined;
}

export interface Chosen {
  /** Of several meshes the one that is meant. */
  readonly mesh?: string;
  readonly namespace?: string;
}

/** OSM's own default. */
const DEFAULT_NAMESPACE = "osm-system";

/** @returns what is missing or ambiguous instead, for people */
export function readInstallation(
  objects: readonly Fields[],
  chosen: Chosen,
): Installation | { readonly problem: string } {
  const forged = objects.flatMap(forgedWords);
  if (forged[0] !== undefined) return { problem: forged[0] };
  const labelled = objects.filter(({ kind }) => kind === "Namespace").flatMap((one) => meshOf(one) ?? []);
  const meshes = [...new Set(labelled.map(({ mesh }) => mesh))].sort();
  const mesh = chosen.mesh ?? meshes[0];
  if (mesh === undefined || !meshes.includes(mesh))
    return {
      problem: `no namespace has the label ${MONITORED_LABEL}${mesh === undefined ? "" : `=${mesh}`}; export namespaces too, with their labels`,
    };
  if (chosen.mesh === undefined && meshes.length > 1)
    return { problem: `there are namespaces of the meshes ${meshes.join(", ")}; name one with --mesh` };
  const configs = objects.filter(({ kind }) => kind === "MeshConfig");
  const places = [...new Set(configs.map(namespaceOf))];
  if (chosen.namespace === undefined && places.length > 1)
    return { problem: `there are MeshConfigs in ${places.join(", ")}; name one with --osm-namespace` };
  const namespace = chosen.namespace ?? places[0] ?? DEFAULT_NAMESPACE;
  const meshConfig = configs.find((one) => namespaceOf(one) === namespace);
  const own = labelled.filter((one) => one.mesh === mesh).sort((a, b) => (a.name < b.name ? -1 : 1));
  const namespaces = new Map(own.map(({ name, object }) => [name, object]));
  const secret = objects.find((one) => one["kind"] === "Secret" && isNamed(one, namespace, AUTHORITY_SECRET));
  return {
    mesh,
    namespace,
    ...(meshConfig !== undefined && { meshConfig }),
    namespaces,
    of: (kind) => objects.filter((one) => one["kind"] === kind && namespaces.has(namespaceOf(one))),
    holdsKey: secret === undefined ? undefined : Object.hasOwn(fieldsAt(secret, "data"), AUTHORITY_KEY),
  };
}

/** RFC 1123, as the API server has it for all that an export names; a label's value may have more. */
const NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const LABEL_VALUE = /^[\w.-]+$/;

/** Names become words of shell commands: what no API server would have taken is no export. */
function forgedWords(object: Fields): readonly string[] {
  if (!EXPORTED.some(({ kind }) => kind === object["kind"])) return [];
  const names = [
    nameOf(object),
    namespaceOf(object),
    ...itemsAt(fieldsAt(object, "spec"), "sources").map((source) => textAt(source, "namespace") ?? ""),
  ];
  const mesh = meshOf(object)?.[0]?.mesh;
  const bad =
    names.find((name) => name !== "" && !NAME.test(name)) ??
    (mesh === undefined || LABEL_VALUE.test(mesh) ? undefined : mesh);
  if (bad === undefined) return [];
  return [
    `an object of kind ${textAt(object, "kind") ?? "?"} has the name ${JSON.stringify(bad)}, which no API server takes: is this an export?`,
  ];
}

function meshOf(
  object: Fields,
): readonly { readonly mesh: string; readonly name: string; readonly object: Fields }[] | undefined {
  const { labels } = fieldsAt(object, "metadata");
  const mesh = isFields(labels) ? labels[MONITORED_LABEL] : undefined;
  return typeof mesh === "string" ? [{ mesh, name: nameOf(object), object }] : undefined;
}

export function nameOf(object: Fields): string {
  return textAt(fieldsAt(object, "metadata"), "name") ?? "";
}

export function namespaceOf(object: Fields): string {
  return textAt(fieldsAt(object, "metadata"), "namespace") ?? "";
}

/** `Deployment test/foo`. */
export function subjectOf(object: Fields): string {
  const namespace = namespaceOf(object);
  return `${textAt(object, "kind") ?? ""} ${namespace === "" ? "" : `${namespace}/`}${nameOf(object)}`;
}

function isNamed(object: Fields, namespace: string, name: string): boolean {
  return namespaceOf(object) === namespace && nameOf(object) === name;
}
