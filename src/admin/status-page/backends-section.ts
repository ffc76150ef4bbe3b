/** Each backend port: who may get in at all, where it listens, what governs it and how much is open. */
import { addressText, type BackendConfig } from "../../config/config.ts";
import type { BackendState } from "../../policy/backend-state.ts";
import type { Rule } from "../../policy/snapshot.ts";
import { bounded, table } from "./document.ts";
import type { StatusFacts } from "./facts.ts";
import { html, type Html, type Part } from "./html.ts";

const MOST_ROWS = 200;
const MOST_POLICIES = 10;
const HEADINGS = ["Port", "State", "Conditions", "Policy", "Mode", "Listener", "Application", "Open connections"];

export function backendsSection({ backends, listening, config, state, counters }: StatusFacts): Html {
  const { shown, more } = bounded(backends, MOST_ROWS);
  const configured = new Map([...config.backends, ...listening].map((backend) => [backend.port, backend]));
  const bound = new Set(listening.map(({ port }) => port));
  const rows = shown.map((backend): readonly Part[] => {
    const own = configured.get(backend.port);
    return [
      backend.port,
      stateOf(backend),
      backend.conditions.map(({ code, detail }) => `${code}: ${detail}`).join("; ") || "none",
      policiesOf(backend),
      modeOf(state.snapshot.rules.get(backend.port), own),
      own === undefined ? "none" : `${addressText(own.listen)}${bound.has(backend.port) ? "" : " (not bound)"}`,
      own === undefined ? "none" : addressText(own.app),
      counters === undefined ? "not known" : (counters.open[String(backend.port)] ?? 0),
    ];
  });
  return html`<section aria-labelledby="backends">
    <h2 id="backends">Backends</h2>
    ${rows.length === 0 ? html`<p>No backend port is configured, and no policy names one.</p>` : table("Backends", HEADINGS, rows)}
    ${more > 0 && html`<p>And ${more} more: <a href="/snapshot">snapshot</a>.</p>`}
  </section>`;
}

function policiesOf({ policies }: BackendState): string {
  if (policies.length === 0) return "none";
  const { shown, more } = bounded(policies, MOST_POLICIES);
  const words = shown.map(({ policy, service }) => `${policy} for Service ${service}`);
  return more > 0 ? `${words.join("; ")} and ${more} more` : words.join("; ");
}

function stateOf({ open, protocol, reason, detail }: BackendState): Html {
  return open
    ? html`<span class="good">open: ${protocol}</span>`
    : html`<span class="bad">closed: ${reason}: ${detail}</span>`;
}

function modeOf(rule: Rule | undefined, own: BackendConfig | undefined): string {
  const declared = rule?.state === "open" ? rule.appProtocol : undefined;
  const forwards =
    own?.forward ?? (declared === undefined ? "http unless told" : `by the Service's appProtocol ${declared}`);
  const caller = rule?.state === "open" ? callerOf(rule) : "takes nobody";
  return own === undefined ? caller : `${caller}; forward: ${forwards}`;
}

function callerOf({ protocol, clientCertificate }: Extract<Rule, { readonly state: "open" }>): string {
  if (protocol === "http") return "http";
  return clientCertificate ? "https, client certificate demanded" : "https, no client certificate asked for";
}
