/**
 * Why a TLS handshake did not come about, in the words of the policy where it was the policy that said no.
 */
import type { RefusalReason } from "../../policy/decision.ts";
import type { ConnectionEnd } from "../../telemetry/records.ts";

export interface HandshakeFailure {
  readonly end: Extract<ConnectionEnd, "refused" | "handshake-failed" | "handshake-timeout" | "silent">;
  readonly reason?: RefusalReason;
  /** OpenSSL's or Node's code. */
  readonly detail: string;
}

/** @param fault OpenSSL's verdict on the client certificate: a code, or words where Node has no code; absent: there was none */
export function certificateFailure(fault: Error | undefined): HandshakeFailure {
  const { code = "UNSPECIFIED", message } = (fault ?? { message: "no certificate" }) as NodeJS.ErrnoException;
  if (fault === undefined) return { end: "refused", reason: "certificate-missing", detail: message };
  return { end: "refused", reason: certificateReason(code), detail: code === "UNSPECIFIED" ? message : code };
}

/** What ended a handshake before the client's certificate was judged. */
export function classifyHandshakeError(error: NodeJS.ErrnoException): HandshakeFailure {
  const detail = error.code ?? error.message;
  switch (error.code) {
    case "ERR_TLS_HANDSHAKE_TIMEOUT":
      return { end: "handshake-timeout", detail };
    case "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE":
      return { end: "refused", reason: "certificate-missing", detail };
    case "ERR_SSL_HTTP_REQUEST":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return { end: "refused", reason: "tls-expected", detail };
    default:
      return { end: "handshake-failed", detail };
  }
}

/** X509_V_ERR_* names as Node gives them, without the prefix. */
function certificateReason(code: string): RefusalReason {
  switch (code) {
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return "certificate-expired";
    case "CERT_REVOKED":
      return "certificate-revoked";
    case "CRL_HAS_EXPIRED":
    case "CRL_NOT_YET_VALID":
      return "crl-expired";
    case "UNABLE_TO_GET_CRL":
    case "UNABLE_TO_GET_CRL_ISSUER":
      return "crl-missing";
    default:
      return "certificate-untrusted";
  }
}
