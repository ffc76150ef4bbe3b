/** One request to the stand-in, taken apart. */
import { pathPrefix, RESOURCE_TYPES, type ResourceType } from "./resource-types.ts";
import type { Attributes } from "./accounts.ts";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  /** Absent for what is no resource: discovery, unknown groups. */
  readonly target?: Target;
}

export interface Target {
  readonly resource: ResourceType;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export function readCall(method: string, url: string, authorization: string | undefined): Call {
  const { pathname, searchParams } = new URL(url, "https://stand-in");
  const target = readTarget(pathname);
  return { method, path: pathname, query: searchParams, authorization, ...(target !== undefined && { target }) };
}

function readTarget(path: string): Target | undefined {
  for (const resource of RESOURCE_TYPES) {
    const prefix = `${pathPrefix(resource)}/`;
    if (!path.startsWith(prefix)) continue;
    const parts = path.slice(prefix.length).split("/").map(decodeURIComponent);
    if (resource.namespaced && parts[0] === "namespaces" && parts[2] === resource.plural)
      return { resource, namespace: parts[1], name: parts[3], subresource: parts[4] };
    if (parts[0] === resource.plural && (!resource.namespaced || parts.length === 1))
      return { resource, namespace: undefined, name: parts[1], subresource: parts[2] };
  }
  return undefined;
}

export function isWatch(call: Call): boolean {
  return ["1", "true"].includes(call.query.get("watch") ?? "");
}

/** What an authorizer is asked. A selector by name counts as the name, as in a cluster. */
export function attributesOf(call: Call, { resource, namespace, name, subresource }: Target): Attributes {
  const [, selected] = /^metadata\.name=([^,]+)$/.exec(call.query.get("fieldSelector") ?? "") ?? [];
  return {
    verb: verbOf(call, name),
    group: resource.group,
    resource: subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`,
    namespace: namespace ?? "",
    name: name ?? selected ?? "",
  };
}

function verbOf(call: Call, name: string | undefined): string {
  if (call.method === "GET") return isWatch(call) ? "watch" : name === undefined ? "list" : "get";
  const verbs: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };
  return verbs[call.method] ?? call.method.toLowerCase();
}
