/** `/readyz`: 200 when the sidecar decides by real data, 503 with the reasons when it does not. */
import { backendStates } from "../policy/backend-state.ts";
import type { Page } from "./page.ts";
import type { AdminSubject } from "./subject.ts";

/** @param inWords with objects and what is wrong with them, which the health port does not show */
export function readyPage(subject: AdminSubject, inWords: boolean): Page {
  const reasons = subject.unready();
  const backends = backendStates(subject.state).map((backend) => {
    const { port, open, reason } = backend;
    return inWords ? backend : { port, open, reason };
  });
  const now = Date.now();
  const resources = subject.resources().map(({ resource, synced, freshAt, failure }) => ({
    resource,
    synced,
    ...(freshAt !== undefined && { ageSeconds: Math.round((now - freshAt) / 100) / 10 }),
    ...(failure !== undefined && { failure }),
  }));
  return {
    status: reasons.length === 0 ? 200 : 503,
    body: { ready: reasons.length === 0, reasons, backends, resources },
  };
}
