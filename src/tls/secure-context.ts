/** How Postern speaks TLS: the same everywhere, from checked credentials only. */
import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { Credentials } from "./credentials.ts";
import { splitPem } from "./x509/pem.ts";
import type { ticketOptions } from "./session-tickets.ts";

/** Forward secrecy and AEAD only, as OSM's Envoy in effect offers; the first five are TLS 1.2's. */
const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
];

/**
 * X25519 first, which every gateway of these days has a share for. TLS 1.2 takes this list for the keys of certificates too
 * (RFC 8422 section 5.1.1), so a client certificate on P-384 or P-521 needs its curve here. The hybrid post-quantum group
 * costs about a kilobyte more each way and is not offered.
 */
const GROUPS = "X25519:P-256:P-384:P-521";

/**
 * What the CertificateRequest says that we verify, and all that we do verify: no SHA-1, SHA-224 or DSA, which OpenSSL would
 * offer besides. rsa_pss_pss_* is for keys that may do nothing but PSS.
 */
const SIGNATURES = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pss_pss_sha256",
  "rsa_pss_pss_sha384",
  "rsa_pss_pss_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
];

/**
 * Options for `createSecureContext`. Every rotation makes a new context of the whole set.
 *
 * A resumed session shows no certificate and keeps OpenSSL's verdict on the former one (OSM fault 1, nodejs/node issue
 * 35317): whoever gives `tickets` judges that certificate anew. No renegotiation (RFC 9325 section 3.5).
 *
 * @param tickets absent: no session is resumed
 */
export function secureContextOptions(credentials: Credentials, tickets?: TicketOptions): SecureContextOptions {
  const noTicket = tickets === undefined ? constants.SSL_OP_NO_TICKET : 0;
  return {
    ...tickets,
    cert: credentials.cert,
    key: credentials.key,
    ca: credentials.ca,
    // One text holds one list for OpenSSL, whatever else stands in it (nodejs/node issue 65576). It has no use for one past
    // its end: where such lists are accepted, trust.ts applies them to every connection before it is served.
    ...(opensslRevokes(credentials) && { crl: credentials.lists.map(({ pem }) => pem) }),
    minVersion: "TLSv1.2",
    ciphers: CIPHERS.join(":"),
    ecdhCurve: GROUPS,
    sigalgs: SIGNATURES.join(":"),
    honorCipherOrder: true,
    secureOptions: noTicket | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  };
}

type TicketOptions = ReturnType<typeof ticketOptions>;

/** What a handshake is made of. */
export interface HandshakeContexts {
  /** Shows our certificate. */
  readonly shown: SecureContext;
  /** Verifies the caller's, and holds ours too: it takes the place of the other within a handshake. */
  readonly trusted: SecureContext;
}

/**
 * OpenSSL completes the chain that it shows out of the bundle that it verifies by, root included, and builds it anew for
 * each handshake (no SSL_MODE_NO_AUTO_CHAIN in Node). So ours is shown by a context whose bundle has nothing but our own
 * certificate, which vouches for nobody. Both have the same tickets: the first reads them, the second makes them.
 */
export function handshakeContexts(credentials: Credentials, tickets?: TicketOptions): HandshakeContexts {
  const options = secureContextOptions(credentials, tickets);
  const { crl: _lists, ...withoutLists } = options;
  const [leaf = credentials.cert] = splitPem(credentials.cert);
  return { shown: createSecureContext({ ...withoutLists, ca: leaf }), trusted: createSecureContext(options) };
}

/**
 * `Credentials.trust` when a handshake that OpenSSL accepts was held against all of it, the lists included. OpenSSL knows of no
 * trust domains, and of no revocation that does not stand in the text of a list.
 */
export function trustOfHandshake(credentials: Credentials): string | undefined {
  if (credentials.trustDomains !== undefined || credentials.serialsAdded === true) return undefined;
  const { lists, trust } = credentials;
  return lists.length === 0 || (opensslRevokes(credentials) && hasOneListEach(lists)) ? trust : undefined;
}

/** Of several lists of one issuer OpenSSL reads one, by their dates; all of them count. */
function hasOneListEach(lists: Credentials["lists"]): boolean {
  return new Set(lists.map(({ issuerKey = "" }) => issuerKey)).size === lists.length;
}

function opensslRevokes({ lists, expiredLists }: Credentials): boolean {
  return lists.length > 0 && expiredLists === "close";
}
