/**
 * Contour's manifest for a machine that has to be node, gateway, caller and control plane at once. Its Envoys give up a
 * connection whose TLS handshake takes two seconds (Contour's default), and its replicas end when the API server lets them wait
 * for ten: both is answered by 503 then, whatever a sidecar does.
 */
const CONNECT_TIMEOUT = "15s";
const ELECTION = ["lease-duration=120s", "renew-deadline=100s", "retry-period=5s"];

/** @throws when it is not the manifest that is known here */
export function patient(manifest: string): string {
  const configured = replaced(
    manifest,
    /^( +)(accesslog-format: envoy)$/m,
    `$1$2\n$1timeouts:\n$1  connect-timeout: ${CONNECT_TIMEOUT}`,
  );
  return replaced(
    configured,
    /^( +- )--config-path=.*$/m,
    ["$&", ...ELECTION.map((flag) => `$1--leader-election-${flag}`)].join("\n"),
  );
}

function replaced(text: string, pattern: RegExp, by: string): string {
  const changed = text.replace(pattern, by);
  if (changed === text) throw new Error(`Contour's manifest has no ${pattern.source}`);
  return changed;
}
