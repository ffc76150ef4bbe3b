/** `/snapshot`: what is in force, with address sets as counts and their sources; `?full` lists the addresses. */
import { listAddresses, type Member } from "../policy/address/address-list.ts";
import { backendState, backendStates, type BackendState } from "../policy/backend-state.ts";
import { policyStatuses } from "../policy/explain/policy-statuses.ts";
import { readSwitch } from "../policy/explain/question.ts";
import type { ServiceState } from "../policy/service-state.ts";
import type { AddressSet } from "../policy/address/address-tables.ts";
import type { Rule } from "../policy/snapshot.ts";
import type { Page } from "./page.ts";
import { readParameters } from "./parameters.ts";

/** Addresses and ranges that one page lists, over all rules. */
const MOST_ADDRESSES = 10_000;

export function snapshotPage(state: ServiceState, query: URLSearchParams): Page {
  const { values, problems } = readParameters(query, ["full"]);
  const [asked = "false"] = values.get("full") ?? [];
  const full = readSwitch(asked);
  if (problems.length > 0 || full === undefined) {
    const wrong = full === undefined ? [`full has the value '${asked}'; expected true or false`] : [];
    return { status: 400, body: { problems: [...problems, ...wrong] } };
  }
  return { status: 200, body: contentOf(state, full) };
}

/** @param full with the addresses themselves */
function contentOf(state: ServiceState, full: boolean): object {
  const { version, closed, rules, hints } = state.snapshot;
  let room = full ? MOST_ADDRESSES : 0;
  const membersOf: ListMembers = (addresses) => {
    if (!full) return undefined;
    const members = listAddresses(addresses, room);
    room -= members.length;
    return members;
  };
  const shown = [...rules.values()].map((rule) => showRule(rule, backendState(state, rule.port), membersOf));
  return {
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
  };
}

/** @returns `undefined` where they are not asked for */
type ListMembers = (addresses: AddressSet) => readonly Member[] | undefined;

/** What the objects say of the port; whether it is open, and else why not, is what a connection meets. */
function showRule(rule: Rule, { open, reason, detail }: BackendState, membersOf: ListMembers): object {
  const inForce = open ? { state: "open" } : { state: "closed", reason, detail };
  return { ...showObject(rule, membersOf), ...inForce };
}

function showObject(rule: Rule, membersOf: ListMembers): object {
  if (rule.state === "closed") return rule;
  const { state: _state, addresses, principals, sniHosts, younger, allowed: _allowed, ...rest } = rule;
  const members = addresses === undefined ? undefined : membersOf(addresses);
  return {
    ...rest,
    addresses: addresses === undefined ? "any" : showAddresses(addresses),
    principals: rule.clientCertificate
      ? { any: principals.any, dns: [...principals.dns], uri: [...principals.uri] }
      : "not asked for",
    ...(sniHosts !== undefined && {
      sniHosts: [...sniHosts.exact, ...sniHosts.suffixes.map((suffix) => `*${suffix}`)],
    }),
    ...(younger !== undefined && { younger: younger.map((one) => showObject(one, membersOf)) }),
    ...(members !== undefined && { members }),
  };
}

function showAddresses({ exact4, exact6, ranges4, ranges6, sources }: AddressSet): object {
  return {
    sources,
    addresses: exact4.owners.length + exact6.owners.length,
    ranges: ranges4.sources.length + ranges6.sources.length,
  };
}
