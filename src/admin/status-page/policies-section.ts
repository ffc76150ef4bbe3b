/** The status of each object, as the cluster would be told it. */
import { policyStatuses } from "../../policy/explain/policy-statuses.ts";
import { bounded, table } from "./document.ts";
import type { StatusFacts } from "./facts.ts";
import { html, type Html } from "./html.ts";

const MOST_ROWS = 100;

export function policiesSection({ state }: StatusFacts): Html {
  const { shown, more } = bounded(policyStatuses(state), MOST_ROWS);
  const rows = shown.map(({ policy, currentStatus, reason, warnings }) => [
    policy,
    html`<span class="${currentStatus === "error" ? "bad" : "good"}">${currentStatus}</span>`,
    [reason, ...warnings].join("; "),
  ]);
  return html`<section aria-labelledby="policies">
    <h2 id="policies">Policies</h2>
    ${rows.length === 0 ? html`<p>No IngressBackend governs a port of this pod.</p>` : table("Policies", ["Policy", "Status", "Reason and warnings"], rows)}
    ${more > 0 && html`<p>And ${more} more: <a href="/snapshot">snapshot</a>.</p>`}
  </section>`;
}
