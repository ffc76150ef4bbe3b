/** The mesh's CA: read from a Secret, one of our own or a given one, and checked before anything is signed with it. */
// @peculiar/x509 finds its parts by decorators.
import "reflect-metadata";
import { createPrivateKey, X509Certificate, type KeyObject, type webcrypto } from "node:crypto";
import { X509Certificate as SigningCertificate, SubjectKeyIdentifierExtension } from "@peculiar/x509";
import { splitPem } from "../../tls/x509/pem.ts";
import { isSelfSigned } from "../../tls/x509/self-signed.ts";

/** Texts of a `kubernetes.io/tls` Secret, PEM. */
export interface AuthorityTexts {
  /** The CA first, then what is above it. */
  readonly cert: string;
  readonly key: string;
  /** Roots; needed where `cert` holds none. */
  readonly ca?: string;
}

export interface Authority {
  /** What signs. */
  readonly certificate: SigningCertificate;
  readonly key: webcrypto.CryptoKey;
  /** How `key` signs. */
  readonly algorithm: webcrypto.EcdsaParams | webcrypto.RsaHashedImportParams;
  /** Key identifier of the CA, hexadecimal; absent where its certificate names none. */
  readonly keyId?: string;
  /** PEM, sent behind every certificate: the CA and what is above it, without a root. */
  readonly chain: readonly string[];
  /** PEM: what peers have to trust. */
  readonly roots: readonly string[];
}

/** The CA cannot be used; the message says which Secret, what was expected and what to do. */
export class AuthorityError extends Error {
  override readonly name = "AuthorityError";
}

/**
 * @param origin names the Secret, for people
 * @param now milliseconds since the epoch
 * @throws AuthorityError
 */
export async function readAuthority(origin: string, texts: AuthorityTexts, now: number): Promise<Authority> {
  const [first, ...above] = parseAll(origin, "tls.crt", texts.cert);
  if (first === undefined)
    throw new AuthorityError(`${origin}: tls.crt holds no certificate; expected the CA's, PEM, then what is above it`);
  const key = parseKey(origin, texts.key);
  if (!first.ca)
    throw new AuthorityError(
      `${origin}: the first certificate of tls.crt is no CA (basicConstraints CA:true is missing)`,
    );
  if (!first.checkPrivateKey(key))
    throw new AuthorityError(`${origin}: tls.key does not belong to the first certificate of tls.crt`);
  if (first.validToDate.getTime() <= now)
    throw new AuthorityError(
      `${origin}: the CA ended on ${first.validToDate.toISOString()}; put a new one in its place`,
    );
  const given = [first, ...above, ...parseAll(origin, "ca.crt", texts.ca ?? "")];
  const roots = distinct(given.filter(isSelfSigned));
  const chain = distinct([first, ...above].filter((one) => !isSelfSigned(one)));
  if (!reachesRoot(chain, roots, first))
    throw new AuthorityError(
      `${origin}: the CA is an intermediate, and the root above it is neither in tls.crt nor in ca.crt; add it to ca.crt`,
    );
  const { algorithm, cryptoKey } = signingKey(origin, key);
  const certificate = new SigningCertificate(first.raw);
  const keyId = certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId;
  return {
    certificate,
    key: cryptoKey,
    algorithm,
    ...(keyId !== undefined && { keyId }),
    chain: chain.map(String),
    roots: roots.map(String),
  };
}

function reachesRoot(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  from: X509Certificate,
): boolean {
  const issues = (below: X509Certificate) => (one: X509Certificate) =>
    one.ca && below.checkIssued(one) && below.verify(one.publicKey);
  let below = from;
  for (let steps = 0; steps <= chain.length; steps += 1) {
    if (roots.some(issues(below))) return true;
    const next = chain.find((one) => one !== below && issues(below)(one));
    if (next === undefined) return false;
    below = next;
  }
  return false;
}

function distinct(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return [...new Map(certificates.map((one) => [one.fingerprint256, one])).values()];
}

function parseAll(origin: string, key: string, text: string): readonly X509Certificate[] {
  return splitPem(text).map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new AuthorityError(`${origin}: certificate ${index + 1} of ${key} cannot be parsed (${String(cause)})`, {
        cause,
      });
    }
  });
}

function parseKey(origin: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new AuthorityError(`${origin}: tls.key cannot be used; expected an unencrypted PEM private key`, { cause });
  }
}

const CURVES: Readonly<Record<string, readonly [curve: string, hash: string]>> = {
  prime256v1: ["P-256", "SHA-256"],
  secp384r1: ["P-384", "SHA-384"],
};

function signingKey(
  origin: string,
  key: KeyObject,
): { algorithm: Authority["algorithm"]; cryptoKey: webcrypto.CryptoKey } {
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { algorithm, cryptoKey: key.toCryptoKey(algorithm, false, ["sign"]) };
  }
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (key.asymmetricKeyType !== "ec" || curve === undefined)
    throw new AuthorityError(`${origin}: tls.key is of a kind that is not supported; expected RSA, P-256 or P-384`);
  const [namedCurve, hash] = curve;
  const cryptoKey = key.toCryptoKey({ name: "ECDSA", namedCurve }, false, ["sign"]);
  return { algorithm: { name: "ECDSA", hash }, cryptoKey };
}
