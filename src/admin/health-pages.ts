/** `/readyz`: 200 when the sidecar decides by real data, 503 with the reasons when it does not. */
import { backendStates } from "../policy/backend-state.ts";
import type { Page } from "./page.ts";
import type { AdminSubject } from "./subject.ts";

export function readyPage(subject: AdminSubject): Page {
  const reasons = subject.unready();
  const now = Date.now();
  const resources = subject.resources().map(({ resource, synced, freshAt, failure }) => ({
    resource,
    synced,
    ...(freshAt !== undefined && { ageSeconds: Math.round((now - freshAt) / 100) / 10 }),
    ...(failure !== undefined && { failure }),
  }));
  return {
    status: reasons.length === 0 ? 200 : 503,
    body: { ready: reasons.length === 0, reasons, backends: backendStates(subject.state), resources },
  };
}
