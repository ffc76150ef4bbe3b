/** `/`: one look at the sidecar for a person with a browser and a port-forward. */
import { backendStates } from "../policy/backend-state.ts";
import type { Page } from "./page.ts";
import type { StatusFacts } from "./status-page/facts.ts";
import { statusDocument } from "./status-page/status-document.ts";
import type { AdminSubject } from "./subject.ts";

export async function statusPage(subject: AdminSubject): Promise<Page> {
  return { status: 200, ...statusDocument(await readFacts(subject)) };
}

async function readFacts(subject: AdminSubject): Promise<StatusFacts> {
  const { dataPlane } = subject;
  const [counters, peers] = await Promise.all([dataPlane?.counters(), dataPlane?.peers()]);
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
    // Figures of a moment that has passed would be taken for those of now.
    counters: counters?.silent.length === 0 ? counters.told : undefined,
    peers: peers?.told ?? [],
    silent: peers?.silent ?? [],
  };
}
