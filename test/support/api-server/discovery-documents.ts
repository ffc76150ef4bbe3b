/** What kubectl asks before it asks for anything: which groups, versions and resources there are. */
import { groupVersion, pathPrefix, RESOURCE_TYPES, type ResourceType } from "./resource-types.ts";

export function discoveryDocument(path: string, exists: (type: ResourceType) => boolean): object | undefined {
  const types = RESOURCE_TYPES.filter((type) => exists(type));
  if (path === "/version") return { major: "1", minor: "37", gitVersion: "v1.37.2-stand-in" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") {
    const groups = new Map(types.filter(({ group }) => group !== "").map((type) => [type.group, groupOf(type)]));
    return { kind: "APIGroupList", apiVersion: "v1", groups: [...groups.values()] };
  }
  const served = types.filter((type) => pathPrefix(type) === path);
  const [first] = served;
  if (first === undefined) return undefined;
  const resources = served.flatMap((type) => [describe(type), ...(type.hasStatus ? [describe(type, "/status")] : [])]);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: groupVersion(first), resources };
}

function groupOf(type: ResourceType): object {
  const version = { groupVersion: groupVersion(type), version: type.version };
  return { name: type.group, versions: [version], preferredVersion: version };
}

function describe({ plural, kind, namespaced }: ResourceType, subresource = ""): object {
  return {
    name: `${plural}${subresource}`,
    singularName: subresource === "" ? kind.toLowerCase() : "",
    namespaced,
    kind,
    verbs: subresource === "" ? ["create", "delete", "get", "list", "patch", "update", "watch"] : ["get", "patch"],
  };
}
