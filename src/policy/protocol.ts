/** What a backend speaks with its callers, and whether it asks them for a certificate. */
import type { BackendSpec } from "./model.ts";

export type Protocol = "http" | "https";

/** `undefined` for anything but http and https in any case. */
export function readProtocol(protocol: string): Protocol | undefined {
  const lower = protocol.toLowerCase();
  return lower === "http" || lower === "https" ? lower : undefined;
}

/** True for a backend that demands a client certificate. */
export function demandsCertificate(backend: BackendSpec): boolean {
  return readProtocol(backend.port.protocol) === "https" && backend.tls?.skipClientCertValidation !== true;
}
