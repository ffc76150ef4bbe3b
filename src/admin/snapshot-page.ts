/** `/snapshot`: what is in force, with address sets as counts and their sources. */
import type { AddressSet, Rule, Snapshot } from "../policy/snapshot.ts";
import type { Page } from "./page.ts";

export function snapshotPage(snapshot: Snapshot): Page {
  return {
    status: 200,
    body: {
      version: snapshot.version,
      ...(snapshot.closed !== undefined && { closed: snapshot.closed }),
      rules: [...snapshot.rules.values()].map(showRule),
      statuses: snapshot.statuses,
    },
  };
}

function showRule(rule: Rule): object {
  if (rule.state === "closed") return rule;
  const { addresses, principals, sniHosts, younger, allowed: _, ...rest } = rule;
  return {
    ...rest,
    addresses: addresses === undefined ? "any" : showAddresses(addresses),
    principals: rule.clientCertificate
      ? { any: principals.any, dns: [...principals.dns], uri: [...principals.uri] }
      : "not asked for",
    ...(sniHosts !== undefined && {
      sniHosts: [...sniHosts.exact, ...sniHosts.suffixes.map((suffix) => `*${suffix}`)],
    }),
    ...(younger !== undefined && { younger: younger.map(showRule) }),
  };
}

function showAddresses({ exact4, exact6, ranges4, ranges6, sources }: AddressSet): object {
  return {
    sources,
    addresses: exact4.owners.length + exact6.owners.length,
    ranges: ranges4.sources.length + ranges6.sources.length,
  };
}
