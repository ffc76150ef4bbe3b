/** `/`: one look at the sidecar for a person with a browser and a port-forward. */
import { backendStates } from "../policy/backend-state.ts";
import { policyStatuses } from "../policy/policy-statuses.ts";
import type { Page } from "./page.ts";
import type { AdminSubject } from "./subject.ts";

export function statusPage(subject: AdminSubject): Page {
  const { snapshot, credentials } = subject;
  const reasons = subject.unready();
  const { state } = subject;
  const rules = backendStates(state).map(({ port, policy, protocol, open, reason, detail, conditions }) =>
    row(
      String(port),
      policy ?? "none",
      open ? `open: ${protocol ?? ""}` : `closed: ${reason}: ${detail}`,
      conditions.map((condition) => `${condition.code}: ${condition.detail}`).join("; "),
    ),
  );
  const statuses = policyStatuses(state).map((status) =>
    row(status.policy, status.currentStatus, [status.reason, ...status.warnings].join("; ")),
  );
  const certificate =
    credentials === undefined
      ? "none"
      : `${credentials.names.join(", ")}, until ${new Date(credentials.notAfter).toISOString()}`;
  const body = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Postern</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}</style>
<h1>Postern</h1>
<p>${reasons.length === 0 ? "Ready" : `Not ready: ${escape(reasons.join(", "))}`}. Snapshot ${snapshot.version}. Certificate: ${escape(certificate)}.</p>
<h2>Backends</h2><table><tr><th>Port<th>Policy<th>State<th>Conditions</tr>${rules.join("")}</table>
<h2>Policies</h2><table><tr><th>Policy<th>Status<th>Reason</tr>${statuses.join("")}</table>
<p><a href="/snapshot">snapshot</a> <a href="/connections">connections</a> <a href="/metrics">metrics</a> <a href="/readyz">readiness</a></p>
</html>
`;
  return { status: 200, body, contentType: "text/html; charset=utf-8" };
}

function row(...cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${escape(cell)}`).join("")}</tr>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
