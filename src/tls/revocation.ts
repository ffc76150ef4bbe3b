/**
 * The operator's certificate revocation list (RFC 5280 section 5). OpenSSL applies it in handshakes; what is read here
 * ends live connections. node-forge's ASN.1 reader is used on the operator's own file only, never on a peer's bytes.
 */
import { createVerify, type X509Certificate } from "node:crypto";
import forge from "node-forge";
import { CredentialsError } from "./credentials-error.ts";

const PEM_BLOCK = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g;

/** Signature algorithms of a CRL, by OID. */
const DIGESTS: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};

/**
 * Revoked certificates as `revocationKey()` in trust.ts names them.
 *
 * @throws CredentialsError for what is no CRL, is not signed by one of the CAs, or is out of date: OpenSSL refuses every
 * client certificate then, so it is better said at start-up and rotation
 */
export function readRevocations(
  path: string,
  text: string,
  authorities: readonly X509Certificate[],
  now = Date.now(),
): readonly string[] {
  const blocks = [...text.matchAll(PEM_BLOCK)].map((match) => Buffer.from(match[1] ?? "", "base64"));
  if (blocks.length === 0)
    throw new CredentialsError(`--tls-crl ${path} holds no list: expected PEM with -----BEGIN X509 CRL-----`);
  return blocks.flatMap((der) => {
    const list = parseList(path, der);
    const issuer = authorities.find((authority) =>
      createVerify(list.digest).update(list.signed).verify(authority.publicKey, list.signature),
    );
    if (issuer === undefined) throw new CredentialsError(`--tls-crl ${path} is signed by none of the CAs in --tls-ca`);
    if (list.nextUpdate !== undefined && list.nextUpdate < now) {
      throw new CredentialsError(
        `--tls-crl ${path} was to be replaced by ${new Date(list.nextUpdate).toISOString()}: provide the current list`,
      );
    }
    return list.serials.map((serial) => `${issuer.subject}|${serial}`);
  });
}

interface RevocationList {
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly digest: string;
  readonly nextUpdate: number | undefined;
  /** Upper-case hex without leading zeros, as Node prints serial numbers. */
  readonly serials: readonly string[];
}

type Asn1 = forge.asn1.Asn1;

function parseList(path: string, der: Buffer): RevocationList {
  try {
    const [tbs, algorithm, signature] = children(forge.asn1.fromDer(forge.util.createBuffer(der.toString("binary"))));
    if (tbs === undefined || algorithm === undefined || signature === undefined)
      throw new Error("not a CertificateList");
    const digest = DIGESTS[forge.asn1.derToOid(contents(children(algorithm)[0]))];
    if (digest === undefined) throw new Error("signature algorithm is not RSA or ECDSA with SHA-2");
    const fields = children(tbs);
    const times = fields.filter(
      (field) => field.type === forge.asn1.Type.UTCTIME || field.type === forge.asn1.Type.GENERALIZEDTIME,
    );
    const revoked = fields
      .slice(fields.indexOf(times.at(-1)!) + 1)
      .find((field) => field.type === forge.asn1.Type.SEQUENCE && field.tagClass === forge.asn1.Class.UNIVERSAL);
    return {
      signed: Buffer.from(forge.asn1.toDer(tbs).getBytes(), "binary"),
      // The first byte of a BIT STRING counts its unused bits; forge may have read a structure out of the rest.
      signature: bitString(signature),
      digest,
      nextUpdate: times.length < 2 ? undefined : timeOf(times[1]!),
      serials: revoked === undefined ? [] : children(revoked).map((entry) => serialOf(children(entry)[0])),
    };
  } catch (cause) {
    throw new CredentialsError(
      `--tls-crl ${path} cannot be parsed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

function children(node: Asn1): readonly Asn1[] {
  if (!Array.isArray(node.value)) throw new Error("a structure was expected");
  return node.value;
}

function contents(node: Asn1 | undefined): string {
  if (typeof node?.value !== "string") throw new Error("a value was expected");
  return node.value;
}

function bitString(node: Asn1): Buffer {
  const { bitStringContents } = node as Asn1 & { readonly bitStringContents?: string };
  return Buffer.from(bitStringContents ?? contents(node), "binary").subarray(1);
}

function timeOf(node: Asn1): number {
  const date =
    node.type === forge.asn1.Type.UTCTIME
      ? forge.asn1.utcTimeToDate(contents(node))
      : forge.asn1.generalizedTimeToDate(contents(node));
  return date.getTime();
}

function serialOf(node: Asn1 | undefined): string {
  const hex = Buffer.from(contents(node), "binary")
    .toString("hex")
    .toUpperCase()
    .replace(/^(?:00)+/, "");
  return hex === "" ? "00" : hex;
}
