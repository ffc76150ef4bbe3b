/**
 * `/`: one look at the sidecar for a person with a browser and a port-forward. Made here, whole: it loads nothing and runs
 * nothing, and every list of it is bounded.
 */
import { setTimeout as delay } from "node:timers/promises";
import { backendStates } from "../policy/backend-state.ts";
import { VERSION } from "../telemetry/version.ts";
import type { Page } from "./page.ts";
import { backendsSection } from "./status-page/backends-section.ts";
import { certificateSection } from "./status-page/certificate-section.ts";
import { htmlDocument } from "./status-page/document.ts";
import { explainForm } from "./status-page/explain-form.ts";
import type { StatusFacts } from "./status-page/facts.ts";
import { html } from "./status-page/html.ts";
import { policiesSection } from "./status-page/policies-section.ts";
import { dataSection, threadsSection } from "./status-page/process-section.ts";
import { refusalsSection } from "./status-page/refusals-section.ts";
import { sourcesSection } from "./status-page/sources-section.ts";
import { auditNotice, summarize } from "./status-page/summary.ts";
import { auditSection, summarySection } from "./status-page/summary-section.ts";
import { moment } from "./status-page/time-words.ts";
import type { AdminSubject } from "./subject.ts";

/** A thread that hangs is lost only after seconds; whoever looks meanwhile is shown the rest. */
const THREADS_ANSWER_MS = 1_000;

export async function statusPage(subject: AdminSubject): Promise<Page> {
  const facts = await readFacts(subject);
  const { config, state, backends } = facts;
  const summary = summarize(facts);
  const place = config.podName === undefined ? config.namespace : `${config.namespace}/${config.podName}`;
  const services = state.snapshot.hints.services.slice(0, 20).join(", ") || "no Service that is known";
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
      ${explainForm(backends.map(({ port }) => port))} ${certificateSection(facts)} ${dataSection(facts)}
      ${threadsSection(facts)}
    </main>`;
  return { status: 200, ...htmlDocument(`${summary.title} - Postern ${place}`, content) };
}

async function readFacts(subject: AdminSubject): Promise<StatusFacts> {
  const { dataPlane } = subject;
  const [counters, peers] = await Promise.all([inTime(dataPlane?.counters()), inTime(dataPlane?.peers())]);
  // Read after the wait, and at one moment.
  const { state, config, credentials, credentialProblem, credentialFailures } = subject;
  return {
    config,
    state,
    backends: backendStates(state),
    listening: dataPlane?.backends ?? [],
    unready: subject.unready(),
    credentials,
    credentialProblem,
    credentialFailures,
    resources: subject.resources(),
    threads: dataPlane?.threads() ?? [],
    counters,
    peers,
  };
}

async function inTime<Value>(asked: Promise<Value> | undefined): Promise<Value | undefined> {
  if (asked === undefined) return undefined;
  const late = new AbortController();
  const timeout = delay(THREADS_ANSWER_MS, undefined, { signal: late.signal }).catch(() => undefined);
  try {
    return await Promise.race([asked, timeout]);
  } finally {
    late.abort();
  }
}
