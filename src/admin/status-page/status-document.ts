/** The status page, whole, of what was read. Pure: it loads nothing and runs nothing, and every list of it is bounded. */
import { VERSION } from "../../telemetry/version.ts";
import { backendsSection } from "./backends-section.ts";
import { certificateSection } from "./certificate-section.ts";
import { htmlDocument, type HtmlDocument } from "./document.ts";
import { explainForm, portsToAsk } from "./explain-form.ts";
import type { StatusFacts } from "./facts.ts";
import { html } from "./html.ts";
import { policiesSection } from "./policies-section.ts";
import { dataSection, threadsSection } from "./process-section.ts";
import { refusalsSection } from "./refusals-section.ts";
import { sourcesSection } from "./sources-section.ts";
import { auditNotice, summarize } from "./summary.ts";
import { auditSection, summarySection } from "./summary-section.ts";
import { moment } from "./time-words.ts";

const MOST_SERVICES = 20;

export function statusDocument(facts: StatusFacts): HtmlDocument {
  const { config, state } = facts;
  const summary = summarize(facts);
  const place = config.podName === undefined ? config.namespace : `${config.namespace}/${config.podName}`;
  const services = state.snapshot.hints.services.slice(0, MOST_SERVICES).join(", ") || "no Service that is known";
  const content = html`<header>
      <h1>Postern <span class="muted">${place}</span></h1>
      <p class="muted">
        Version ${VERSION}, backs ${services}, read at ${moment(state.now)}. <a href="/">Read again</a>
      </p>
      ${auditSection(auditNotice(facts))} ${summarySection(summary)}
      <nav aria-label="More">
        <a href="#backends">Backends</a> <a href="#sources">Sources</a> <a href="#refusals">Refusals</a>
        <a href="#explain">Explain</a> <a href="/snapshot?full">Snapshot</a> <a href="/connections">Connections</a>
        <a href="/peers">Peers</a> <a href="/metrics">Metrics</a> <a href="/readyz">Readiness</a>
      </nav>
    </header>
    <main>
      ${backendsSection(facts)} ${policiesSection(facts)} ${sourcesSection(facts)} ${refusalsSection(facts)}
      ${explainForm(portsToAsk(state))} ${certificateSection(facts)} ${dataSection(facts)} ${threadsSection(facts)}
    </main>`;
  return htmlDocument(`${summary.title} - Postern ${place}`, content);
}
