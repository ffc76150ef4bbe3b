/** How the bench's own callers connect: as the gateway, TLS 1.3, the same key exchange for every contender. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { SERVER_NAME } from "../certificates.ts";
import type { CallerCertificate } from "./generated-load.ts";

export function callerTls(port: number, certificate: CallerCertificate): ConnectionOptions {
  return {
    host: "127.0.0.1",
    port,
    servername: SERVER_NAME,
    ca: readFileSync(certificate.ca),
    cert: readFileSync(certificate.clientCert),
    key: readFileSync(certificate.clientKey),
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    // Node's own default would be a post-quantum hybrid where the server knows it.
    ecdhCurve: "X25519",
  };
}
