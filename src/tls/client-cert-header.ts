/** The value of `x-forwarded-client-cert` in the form that Envoy's `SANITIZE_SET` gives it. */
import type { Identity } from "./x509/identity.ts";

/** Made once for each identity that is remembered: all connections of a caller get the same one. */
const made = new WeakMap<Identity, string>();

/** `Hash=<sha256 hex of the DER>`, then every URI and DNS name of the verified certificate. */
export function formatClientCert(identity: Identity): string {
  let value = made.get(identity);
  if (value === undefined) {
    const names = (type: "uri" | "dns", key: string): readonly string[] =>
      identity.sans.filter((san) => san.type === type).map((san) => `${key}=${quote(san.value)}`);
    value = [`Hash=${identity.fingerprint}`, ...names("uri", "URI"), ...names("dns", "DNS")].join(";");
    made.set(identity, value);
  }
  return value;
}

/** Envoy quotes a value that holds a comma, a semicolon or an equals sign, and escapes a double quote. */
function quote(value: string): string {
  const escaped = value.replaceAll('"', '\\"');
  return /[,;="]/.test(value) ? `"${escaped}"` : escaped;
}
