/** `/`: one look at the sidecar for a person with a browser and a port-forward. */
import type { Page } from "./page.ts";
import type { AdminSubject } from "./subject.ts";

export function statusPage(subject: AdminSubject): Page {
  const { snapshot, credentials } = subject;
  const reasons = subject.unready();
  const rules = [...snapshot.rules.values()].map((rule) =>
    row(String(rule.port), rule.policy, rule.state === "open" ? rule.protocol : `closed: ${rule.detail}`),
  );
  const statuses = snapshot.statuses.map((status) =>
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
<h2>Backends</h2><table><tr><th>Port<th>Policy<th>State</tr>${rules.join("")}</table>
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
