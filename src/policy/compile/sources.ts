/** The sources of one object, resolved against the world: which addresses and which names they stand for now. */
import { buildAddressSet, type SourcedAddress } from "../address/address-set.ts";
import { parseRange } from "../address/address.ts";
import { MONITORED_LABEL } from "../monitored-label.ts";
import { objectKey, type Policy, type Self, type SourceSpec, type World } from "../model.ts";
import type { AddressSet } from "../address/address-tables.ts";

export interface ResolvedSources {
  /** Absent when no Service and no IPRange is listed. Present and possibly empty otherwise: an empty set matches nobody. */
  readonly addresses?: AddressSet;
  readonly principals: readonly string[];
  /** Source Services that match nobody now, and why. */
  readonly empty: readonly { readonly source: string; readonly problem: string }[];
}

/** @param policy one whose sources are all of a known kind and named */
export function resolveSources(world: World, self: Self, policy: Policy): ResolvedSources {
  const listed = distinct(policy.sources.filter((source) => source.kind === "Service" || source.kind === "IPRange"));
  const labels: string[] = [];
  const addresses: SourcedAddress[] = [];
  const ranges: { range: string; source: number }[] = [];
  const empty: { source: string; problem: string }[] = [];
  for (const source of listed) {
    const label = sourceLabel(source);
    if (source.kind === "IPRange") {
      if (parseRange(source.name) !== undefined) ranges.push({ range: source.name, source: labels.push(label) - 1 });
      continue;
    }
    const problem = serviceProblem(world, self, source);
    const index = labels.push(label) - 1;
    if (problem !== undefined) empty.push({ source: label, problem });
    else for (const endpoint of endpointsOf(world, source)) addresses.push({ ...endpoint, source: index });
  }
  return {
    ...(listed.length > 0 && { addresses: buildAddressSet(labels, addresses, ranges) }),
    principals: policy.sources
      .filter((source) => source.kind === "AuthenticatedPrincipal")
      .map((source) => source.name),
    empty,
  };
}

/** How a source is named in decisions, logs and explanations. */
function sourceLabel(source: SourceSpec): string {
  return source.kind === "Service"
    ? `Service ${objectKey(source.namespace ?? "", source.name)}`
    : `${source.kind} ${source.name}`;
}

function endpointsOf(world: World, source: SourceSpec): SourcedAddresses {
  return world.endpoints.get(objectKey(source.namespace ?? "", source.name))?.endpoints ?? [];
}

type SourcedAddresses = readonly { readonly address: string; readonly uid?: string }[];

function serviceProblem(world: World, self: Self, source: SourceSpec): string | undefined {
  const namespace = source.namespace ?? "";
  const key = objectKey(namespace, source.name);
  const found = world.namespaces.get(namespace);
  if (self.meshName !== undefined && found?.labels.get(MONITORED_LABEL) !== self.meshName) {
    if (found?.unknown !== undefined) return `source service ${key}: ${found.unknown}`;
    const label = `${MONITORED_LABEL}=${self.meshName}`;
    const overwrite = found?.labels.has(MONITORED_LABEL) === true ? " --overwrite" : "";
    return `namespace ${namespace} of source service ${key} does not carry the label ${label}: kubectl label namespace ${namespace} ${label}${overwrite}`;
  }
  if (endpointsOf(world, source).length > 0) return undefined;
  const unknown = world.endpoints.get(key)?.unknown;
  return unknown === undefined ? `endpoints not found for service ${key}` : `source service ${key}: ${unknown}`;
}

function distinct(sources: readonly SourceSpec[]): readonly SourceSpec[] {
  return [...new Map(sources.map((source) => [sourceLabel(source), source])).values()];
}
