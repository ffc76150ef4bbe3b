/** `/`: one look at the sidecar for a person with a browser and a port-forward. */
import { setTimeout as delay } from "node:timers/promises";
import { backendStates } from "../policy/backend-state.ts";
import type { Page } from "./page.ts";
import type { StatusFacts } from "./status-page/facts.ts";
import { statusDocument } from "./status-page/status-document.ts";
import type { AdminSubject } from "./subject.ts";

/** A thread that hangs is lost only after seconds; whoever looks meanwhile is shown the rest. */
const THREADS_ANSWER_MS = 1_000;

export async function statusPage(subject: AdminSubject): Promise<Page> {
  return { status: 200, ...statusDocument(await readFacts(subject)) };
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
