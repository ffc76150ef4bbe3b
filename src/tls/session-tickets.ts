/**
 * Keys of TLS session tickets. They are derived from everything that a full handshake depends on. Where any of it differs, a
 * ticket cannot be decrypted, and the caller makes a full handshake with its certificate.
 */
import { createHash, hkdfSync } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import type { BackendPort } from "../policy/model.ts";
import type { Credentials } from "./credentials.ts";

/**
 * Seconds from the full handshake until its tickets are good for nothing, however often they were used: OpenSSL holds them
 * to it, and renews none.
 */
const LIFETIME_SECONDS = 600;

/** Name, HMAC key and AES key of Node's `ticketKeys`. */
const KEY_BYTES = 48;

/** The part of a handshake's terms that its session is bound to. */
export interface TicketScope {
  readonly port: BackendPort;
  /** Whether the port's rule demands a certificate. */
  readonly clientCertificate: boolean;
}

/** Shared by all threads of a process. Tickets of another secret cannot be decrypted. */
export type TicketSecret = Uint8Array;

/**
 * `session-refused`: a session's certificate is good for nothing any more, and its holder may have another by now.
 * `chain-needed`: a certificate is good by intermediates that came with it, which no session holds.
 */
export type TicketProblem = "session-refused" | "chain-needed";

/** The same in every thread that has the same secret, credentials and scope; different wherever one of them differs. */
export function ticketOptions(
  secret: TicketSecret,
  { generation, trust }: Credentials,
  { port, clientCertificate }: TicketScope,
): Pick<SecureContextOptions, "ticketKeys" | "sessionIdContext" | "sessionTimeout"> {
  const scope = JSON.stringify([generation, trust, port, clientCertificate]);
  return {
    ticketKeys: Buffer.from(hkdfSync("sha256", secret, "", scope, KEY_BYTES)),
    // 32 bytes at most. Without one OpenSSL ends the handshake of whoever resumes where a certificate is demanded.
    sessionIdContext: createHash("sha256").update(scope).digest("base64url").slice(0, 32),
    sessionTimeout: LIFETIME_SECONDS,
  };
}
