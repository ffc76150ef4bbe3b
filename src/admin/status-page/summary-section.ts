/** The banner on top of the page: whether the sidecar is ready, why not, and which audits last. */
import { bounded } from "./document.ts";
import { html, type Html } from "./html.ts";
import type { AuditNotice, Summary } from "./summary.ts";

const MOST_REASONS = 10;
const MOST_PORTS = 20;

export function summarySection({ level, title, reasons }: Summary): Html {
  const { shown, more } = bounded(reasons, MOST_REASONS);
  return html`<section id="state" class="banner ${level}" aria-label="State">
    <strong>${title}</strong>
    ${
      shown.length > 0 &&
      html`<ul>
        ${shown.map((reason) => html`<li>${reason}</li>`)}${more > 0 && html`<li>and ${more} more</li>`}
      </ul>`
    }
  </section>`;
}

export function auditSection(notice: AuditNotice | undefined): Html {
  if (notice === undefined) return html``;
  const { shown, more } = bounded(notice.ports, MOST_PORTS);
  return html`<section id="audit" class="banner bad" aria-label="Audit">
    <strong>AUDIT MODE: policy is not enforced</strong>
    <p>Callers whose address, server name or principal no policy lists are let in, and only logged and counted:</p>
    <ul>
      ${shown.map(({ port, policy, until }) => html`<li>port ${port} by ${policy} until ${until}</li>`)}${more > 0 && html`<li>and ${more} more ports</li>`}
    </ul>
    ${notice.letIn !== undefined && html`<p>Let in since the start although enforcement would have refused: ${notice.letIn}.</p>`}
  </section>`;
}
