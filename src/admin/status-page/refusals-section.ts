/** Who was refused, by reason and backend port, and what came nearest to being let in. */
import type { BackendState } from "../../policy/backend-state.ts";
import type { PeerRow } from "../../telemetry/records.ts";
import { bounded, table } from "./document.ts";
import { explainLink } from "./explain-link.ts";
import type { StatusFacts } from "./facts.ts";
import { cut, html, type Html, type Part } from "./html.ts";
import { groupRefusals, type RefusalGroup, type RefusalsOfReason } from "./refusals.ts";
import { ago } from "./time-words.ts";

const MOST_NAMES = 3;
/** A name of RFC 1035; a URI may be longer. */
const MOST_LETTERS = 255;
const HEADINGS = ["Source", "Port", "Nearest miss", "It showed", "Connections", "Last seen", "Why"];

export function refusalsSection({ peers, silent, backends, state }: StatusFacts): Html {
  const protocols = new Map<number, BackendState["protocol"]>(backends.map(({ port, protocol }) => [port, protocol]));
  const groups = groupRefusals(state, peers);
  return html`<section aria-labelledby="refusals">
    <h2 id="refusals">Recent refusals</h2>
    ${silent.length > 0 && html`<p>Not known in time: whom thread ${silent.join(", ")} refused.</p>`}
    ${silent.length === 0 && groups.length === 0 && html`<p>Nobody was refused of late.</p>`}
    ${groups.map((refusals) => reasonOf(refusals, protocols, state.now))}
    ${groups.length > 0 && html`<p class="muted">A bounded memory of the distinct callers of late: <a href="/peers">all of it</a>.</p>`}
  </section>`;
}

function reasonOf(
  { reason, audited, callers, connections, groups, left }: RefusalsOfReason,
  protocols: ReadonlyMap<number, BackendState["protocol"]>,
  now: number,
): Html {
  const rows = groups.map((group): readonly Part[] => [
    group.address,
    group.port,
    group.judgedNow ?? group.nearest ?? "nothing to compare with",
    shownBy(group.latest),
    group.connections,
    ago(group.lastSeen, now),
    linkOf(group, protocols.get(group.port)),
  ]);
  const counted = `${callers} ${callers === 1 ? "caller" : "callers"}, ${connections} ${connections === 1 ? "connection" : "connections"}`;
  const title = audited ? `${reason}, let in by audit` : reason;
  return html`<h3>${title} <span class="muted">(${counted})</span></h3>
    ${table(title, HEADINGS, rows)} ${left > 0 && html`<p>And ${left} more callers.</p>`}`;
}

function shownBy({ tls, sni, certificate, sans }: PeerRow): string {
  if (!tls) return certificate === "unseen" ? "its address" : "plaintext";
  const { shown, more } = bounded(sans, MOST_NAMES);
  const names = shown.map((name) => cut(name, MOST_LETTERS)).join(", ");
  const server = sni === undefined || sni === "" ? "no server name" : `server name ${sni}`;
  return `${server}; certificate ${certificate}${names === "" ? "" : `: ${names}`}${more > 0 ? ` and ${more} more` : ""}`;
}

function linkOf({ latest, address }: RefusalGroup, protocol: BackendState["protocol"]): Part {
  const link = explainLink(latest, protocol);
  if (link === undefined) return "its names are too long to ask about by a link";
  // A certificate that failed has no names to ask about.
  const words = latest.certificate === "refused" ? "explain it without a certificate" : "explain";
  return html`<a href="${link}" aria-label="${words}: ${address}">${words}</a>`;
}
