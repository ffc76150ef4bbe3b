/**
 * The sidecar's own certificate, key and trust bundle are checked together before anything uses them. Nothing unchecked
 * ever reaches a secure context: an empty `ca` there would mean the public roots.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import { CredentialsError } from "../credentials-error.ts";
import type { Credentials, CredentialsOrigin, CredentialTexts, TrustDomains } from "../credentials.ts";
import { judgeAuthorities, trustDigest } from "../trust/authorities.ts";
import { sansOf } from "../x509/identity.ts";
import { pemFault, splitPem } from "../x509/pem.ts";
import { isSelfSigned } from "../x509/self-signed.ts";
import { readRevocations } from "../revocation.ts";
import { secureContextOptions } from "../secure-context.ts";

/** id-kp-serverAuth */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/** @throws CredentialsError naming the first text that cannot be used */
export function checkCredentials(
  origin: CredentialsOrigin,
  texts: CredentialTexts,
  generation: number,
  now: number,
): Credentials {
  const certificates = parseCertificates(origin.cert, texts.cert);
  const leaf = certificates[0]!;
  const key = parseKey(origin.key, texts.key);
  if (!leaf.checkPrivateKey(key)) {
    throw new CredentialsError(
      `${origin.key} does not belong to the certificate in ${origin.cert}: expected the pair that was issued together`,
    );
  }
  if (leaf.validToDate.getTime() < now) {
    throw new CredentialsError(`${origin.cert} ended on ${leaf.validToDate.toISOString()}: issue a new certificate`);
  }
  const authorities = judgeAuthorities(origin.ca, parseCertificates(origin.ca, texts.ca), now);
  const trustDomains = texts.trustDomains && trustDomainsOf(origin, texts.trustDomains, now);
  const { lists, warnings } =
    texts.crl === undefined || origin.crl === undefined
      ? { lists: [], warnings: [] }
      : readRevocations(origin.crl, texts.crl, authorities.certificates, now);
  const { expiredLists = "close" } = origin;
  const ends = [
    ...authorities.certificates.map((certificate) => certificate.validToDate.getTime()),
    ...lists.flatMap(({ nextUpdate }) => nextUpdate ?? []),
  ];
  const credentials: Credentials = {
    generation,
    origin: { cert: origin.cert, ...(origin.crl !== undefined && { crl: origin.crl }) },
    cert: chainOf(certificates, authorities.certificates)
      .map((certificate) => certificate.toString())
      .join(""),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    ca: authorities.certificates.map((certificate) => certificate.toString()).join(""),
    lists,
    expiredLists,
    trust: trustDigest(authorities.certificates, lists, trustDomains),
    ...(trustDomains !== undefined && { trustDomains }),
    trustEnds: [...new Set(ends)].sort((one, other) => one - other),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    names: sansOf(leaf).map((san) => `${san.type}:${san.value}`),
    warnings: [...(texts.warnings ?? []), ...authorities.warnings, ...warnings, ...purposeWarnings(origin, leaf)],
  };
  tryContext(origin, credentials);
  return credentials;
}

/**
 * Whether a caller takes it for a server's is the caller's to decide, so it is used all the same. OpenSSL and Go refuse what
 * names other purposes alone, and demand this one by name rather than any (RFC 5280 section 4.2.1.12).
 */
function purposeWarnings(origin: CredentialsOrigin, leaf: X509Certificate): readonly string[] {
  const purposes = leaf.keyUsage as readonly string[] | undefined;
  if (purposes?.includes(SERVER_AUTH) === true) return [];
  return purposes === undefined
    ? [`${origin.cert} names no extended key usage: some callers refuse it; issue it with serverAuth`]
    : [`${origin.cert} has an extended key usage without serverAuth: callers refuse it; issue it with serverAuth`];
}

function trustDomainsOf(
  origin: CredentialsOrigin,
  { own, bundles }: NonNullable<CredentialTexts["trustDomains"]>,
  now: number,
): TrustDomains {
  // The roots of others are no use to the members of ours.
  judgeAuthorities(origin.ca, parseCertificates(origin.ca, bundles[own] ?? ""), now);
  const rootsOf = (pem: string): ReadonlySet<string> =>
    new Set(
      splitPem(pem)
        .map((block) => new X509Certificate(block))
        .filter((one) => one.ca && isSelfSigned(one))
        .map((one) => one.fingerprint256),
    );
  return { own, anchors: new Map(Object.entries(bundles).map(([domain, pem]) => [domain, rootsOf(pem)])) };
}

/**
 * What is shown to callers: they have the root, so it is left out (RFC 8446 section 4.4.2), and an intermediate that stands
 * in the bundle alone is added.
 */
function chainOf(
  [leaf, ...rest]: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] {
  const chain = [leaf!, ...rest.filter((certificate) => !isSelfSigned(certificate))];
  if (chain.length > 1) return chain;
  for (let above = issuerIn(authorities, chain); above !== undefined; above = issuerIn(authorities, chain))
    chain.push(above);
  return chain;
}

function issuerIn(
  authorities: readonly X509Certificate[],
  chain: readonly X509Certificate[],
): X509Certificate | undefined {
  const last = chain.at(-1)!;
  return authorities.find(
    (one) => !isSelfSigned(one) && !chain.includes(one) && last.checkIssued(one) && last.verify(one.publicKey),
  );
}

function parseCertificates(origin: string, text: string): readonly X509Certificate[] {
  const fault = pemFault(text);
  if (fault !== undefined) throw new CredentialsError(`${origin} cannot be used: ${fault}`);
  const blocks = splitPem(text);
  if (blocks.length === 0) {
    throw new CredentialsError(`${origin} holds no certificate: expected PEM with -----BEGIN CERTIFICATE-----`);
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new CredentialsError(
        `Certificate ${index + 1} in ${origin} cannot be parsed: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  });
}

function parseKey(origin: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new CredentialsError(
      `${origin} cannot be used: expected an unencrypted PEM private key (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
}

/** OpenSSL decides last: weak keys and odd chains are refused here rather than in a thread. */
function tryContext(origin: CredentialsOrigin, credentials: Credentials): void {
  try {
    createSecureContext(secureContextOptions(credentials));
  } catch (cause) {
    throw new CredentialsError(
      `OpenSSL refuses ${origin.cert} with ${origin.key}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
