/** Who is let in by what is known: the sources of each open rule with their addresses, and how old that knowledge is. */
import { listAddresses } from "../../policy/address/address-list.ts";
import type { AddressSet } from "../../policy/address/address-tables.ts";
import { alternatives, type OpenRule } from "../../policy/snapshot.ts";
import type { ResourceHealth } from "../../discovery/discovery.ts";
import { bounded, table } from "./document.ts";
import type { StatusFacts } from "./facts.ts";
import { html, type Html, type Part } from "./html.ts";
import { ago } from "./time-words.ts";

const MOST_RULES = 50;
/** Of one port, where there are few, and of all of them together. */
const MOST_SOURCES = { each: 50, all: 300 };
/** Looked at, to know whose they are. */
const MOST_LISTED = { each: 1_000, all: 3_000 };
const MOST_SHOWN = 20;
const HEADINGS = ["Source", "Addresses", "Known as of"];

export function sourcesSection(facts: StatusFacts): Html {
  const open = [...facts.state.snapshot.rules.values()].flatMap((rule) =>
    rule.state === "open" ? alternatives(rule) : [],
  );
  const { shown, more } = bounded(open, MOST_RULES);
  const room = { sources: share(MOST_SOURCES, shown.length), listed: share(MOST_LISTED, shown.length) };
  return html`<section aria-labelledby="sources">
    <h2 id="sources">Sources</h2>
    ${open.length === 0 && html`<p>No policy opens a port, so no source lets anybody in.</p>`}
    ${shown.map((rule) => ruleOf(rule, facts, room))}
    ${more > 0 && html`<p>And ${more} more ports: <a href="/snapshot?full">all addresses</a>.</p>`}
  </section>`;
}

/** What the section of one port may take. */
interface Room {
  readonly sources: number;
  readonly listed: number;
}

function share({ each, all }: { readonly each: number; readonly all: number }, rules: number): number {
  return Math.min(each, Math.floor(all / Math.max(1, rules)));
}

function ruleOf(rule: OpenRule, facts: StatusFacts, room: Room): Html {
  const { addresses } = rule;
  const rows =
    addresses === undefined ? [["any address", "all", "the policy"]] : sourceRows(rule, addresses, facts, room);
  return html`<h3>Port ${rule.port}, by ${rule.policy}</h3>
    ${table(`Sources of port ${rule.port}`, HEADINGS, rows)}
    ${rule.clientCertificate && html`<p>Client certificate: ${principalsOf(rule)}</p>`}
    ${rule.sniHosts !== undefined && html`<p>Server names: ${few([...rule.sniHosts.exact, ...rule.sniHosts.suffixes.map((suffix) => `*${suffix}`)])}</p>`}
    ${addresses !== undefined && totalOf(addresses) > room.listed && html`<p>${totalOf(addresses)} addresses and ranges in all, of which ${room.listed} were looked at here: <a href="/snapshot?full">more addresses</a>.</p>`}`;
}

function sourceRows(
  { emptySources }: OpenRule,
  addresses: AddressSet,
  { state, resources }: StatusFacts,
  room: Room,
): readonly Part[][] {
  const bySource = new Map<string, string[]>(addresses.sources.map((source) => [source, []]));
  for (const { address, source } of listAddresses(addresses, room.listed))
    bySource.get(source)?.push(address.replace(/^(.+)-\1$/, "$1"));
  const isWhole = totalOf(addresses) <= room.listed;
  const { shown, more } = bounded([...bySource], room.sources);
  const waiting = addressesOf(state.snapshot.hints.notReady, (source) => source);
  const gone = addressesOf(state.snapshot.hints.departed, ({ source }) => source);
  const rows = shown.map(([source, listed]): Part[] => [
    source,
    [
      listed.length === 0 ? (isWhole ? "none" : "none of those that were looked at") : few(listed),
      waiting.has(source) ? `; not ready: ${few(waiting.get(source) ?? [])}` : "",
      gone.has(source) ? `; gone: ${few(gone.get(source) ?? [])}` : "",
    ],
    ageOf(source, resources, state.now),
  ]);
  const empty = bounded(emptySources, room.sources);
  for (const words of empty.shown) rows.push([words, "none", ""]);
  const left = more + empty.more;
  return left > 0 ? [...rows, [`and ${left} more sources`, "", ""]] : rows;
}

function addressesOf<Value>(
  byAddress: ReadonlyMap<string, Value>,
  sourceOf: (value: Value) => string,
): ReadonlyMap<string, readonly string[]> {
  const bySource = new Map<string, string[]>();
  for (const [address, value] of byAddress) {
    const known = bySource.get(sourceOf(value));
    if (known === undefined) bySource.set(sourceOf(value), [address]);
    else known.push(address);
  }
  return bySource;
}

/** Of the EndpointSlices of that Service where they are followed by themselves, else of the oldest data. */
function ageOf(source: string, resources: readonly ResourceHealth[], now: number): string {
  const own = resources.find(({ resource }) => resource === source.replace(/^Service /, "endpointslices "));
  if (own !== undefined) return ago(own.freshAt, now);
  const shared = resources.filter(({ resource }) => !/^(?:endpointslices|namespaces) /.test(resource));
  const known = shared.map(({ freshAt }) => freshAt).filter((freshAt) => freshAt !== undefined);
  return ago(known.length === 0 || known.length < shared.length ? undefined : Math.min(...known), now);
}

function principalsOf({ principals }: OpenRule): string {
  return principals.any
    ? "any that the mesh's CA issued"
    : few([...principals.dns].map((name) => `DNS ${name}`).concat([...principals.uri].map((uri) => `URI ${uri}`)));
}

function few(texts: readonly string[]): string {
  const { shown, more } = bounded(texts, MOST_SHOWN);
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

function totalOf({ exact4, exact6, ranges4, ranges6 }: AddressSet): number {
  return exact4.owners.length + exact6.owners.length + ranges4.sources.length + ranges6.sources.length;
}
