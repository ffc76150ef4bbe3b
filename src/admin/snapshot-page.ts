/** `/snapshot`: what is in force, with address sets as counts and their sources; `?full` lists the addresses. */
import { listAddresses } from "../policy/address-list.ts";
import { backendStates } from "../policy/backend-state.ts";
import { policyStatuses } from "../policy/policy-statuses.ts";
import type { ServiceState } from "../policy/service-state.ts";
import type { AddressSet, Rule } from "../policy/snapshot.ts";
import type { Page } from "./page.ts";

/** Addresses and ranges that one page lists, over all rules. */
const MOST_ADDRESSES = 10_000;

/** @param full with the addresses themselves */
export function snapshotPage(state: ServiceState, full: boolean): Page {
  const { version, closed, rules, hints } = state.snapshot;
  let room = full ? MOST_ADDRESSES : 0;
  const shown: object[] = [];
  for (const rule of rules.values()) {
    const addresses = rule.state === "open" && full ? rule.addresses : undefined;
    const listed = addresses === undefined ? undefined : listAddresses(addresses, room);
    room -= listed?.length ?? 0;
    shown.push({ ...showRule(rule), ...(listed !== undefined && { members: listed }) });
  }
  return {
    status: 200,
    body: {
      version,
      ...(closed !== undefined && { closed }),
      backends: backendStates(state),
      rules: shown,
      statuses: policyStatuses(state),
      ...(full && {
        ...(room <= 0 && { truncated: `no more than ${MOST_ADDRESSES} addresses are listed` }),
        services: hints.services,
        notReady: Object.fromEntries(hints.notReady),
        departed: Object.fromEntries(hints.departed),
      }),
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
