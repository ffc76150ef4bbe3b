/** How old the data is, and how the threads are. */
import { describeLag } from "../../proxy/control/applied-state.ts";
import { bounded, table } from "./document.ts";
import type { StatusFacts } from "./facts.ts";
import { html, type Html } from "./html.ts";
import { ago, duration } from "./time-words.ts";

const MOST_RESOURCES = 100;
const MOST_THREADS = 256;

export function dataSection({ resources, config, state }: StatusFacts): Html {
  const { shown, more } = bounded(resources, MOST_RESOURCES);
  const { maxStaleMs } = config;
  const rows = shown.map(({ resource, synced, freshAt, failure }) => {
    const old = maxStaleMs !== undefined && freshAt !== undefined && state.now - freshAt > maxStaleMs;
    return [
      resource,
      synced ? "read" : "not read yet",
      old ? html`<span class="bad">${ago(freshAt, state.now)}: too old</span>` : ago(freshAt, state.now),
      failure ?? "none",
    ];
  });
  return html`<section aria-labelledby="data">
    <h2 id="data">Data</h2>
    <p>
      Snapshot
      ${state.snapshot.version}${state.snapshot.closed !== undefined && html`, <span class="bad">closed: ${state.snapshot.closed}</span>`}.
      ${maxStaleMs === undefined ? "What was known stays in force however old it is (no --max-stale)." : `Closed when older than ${duration(maxStaleMs)} (--max-stale).`}
    </p>
    ${rows.length === 0 ? html`<p>Nothing is followed yet.</p>` : table("Data", ["What", "State", "Known to be current", "Failure"], rows)}
    ${more > 0 && html`<p>And ${more} more: <a href="/readyz">readiness</a>.</p>`}
  </section>`;
}

export function threadsSection({ threads, state }: StatusFacts): Html {
  const rows = threads
    .slice(0, MOST_THREADS)
    .map(({ thread, listening, startedAt, appliedVersion, appliedGeneration, restarts, lag }) => [
      thread,
      lag === undefined
        ? listening
          ? "listens"
          : "does not listen"
        : html`<span class="bad">${describeLag(lag)}</span>`,
      appliedVersion,
      generationOf(appliedGeneration),
      duration(state.now - startedAt),
      restarts,
    ]);
  const headings = ["Thread", "State", "Snapshot in force", "Certificate in force", "Runs for", "Restarts"];
  return html`<section aria-labelledby="threads">
    <h2 id="threads">Threads</h2>
    ${rows.length === 0 ? html`<p>None has started yet.</p>` : table("Threads", headings, rows)}
  </section>`;
}

function generationOf(applied: number | undefined): string {
  if (applied === undefined) return "none could be applied";
  return applied === 0 ? "none" : String(applied);
}
