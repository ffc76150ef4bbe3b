/**
 * The operator's revocation lists: all that a file holds, PEM or DER, of any number of issuers. OpenSSL applies them in
 * handshakes; what is read here ends live connections.
 */
import { hash, type KeyObject, type X509Certificate } from "node:crypto";
import { CredentialsError } from "./credentials-error.ts";
import { holderText } from "./x509/distinguished-name.ts";
import { readChildren, readElement, TAG, wholeOf } from "./x509/der.ts";
import { pemFault } from "./x509/pem.ts";
import { isSignedBy, parseList, type ParsedList } from "./x509/revocation-list.ts";

const PEM_BLOCK = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g;

/** A list as it is in force. Plain data: it is posted to the data-plane threads. */
export interface RevocationList {
  /** The form that OpenSSL takes. */
  readonly pem: string;
  /** `keyIdOf()` the CA in --tls-ca that has signed it; absent for the list of a CA that only callers bring along. */
  readonly issuerKey?: string;
  /** Milliseconds since the epoch. */
  readonly nextUpdate?: number;
  /** As Node prints serial numbers. */
  readonly serials: ReadonlySet<string>;
}

export interface Revocations {
  readonly lists: readonly RevocationList[];
  /** What an operator should know and that stops nothing. */
  readonly warnings: readonly string[];
}

/** How a CA is named that issues lists: by its key, so that one renewed with its key is the same. */
export function keyIdOf(key: KeyObject): string {
  return hash("sha256", key.export({ type: "spki", format: "der" }), "base64");
}

/**
 * @param file the bytes of the file, one a character (latin1)
 * @throws CredentialsError for what is no list, is not signed by the CA that it names, or is not yet in force
 */
export function readRevocations(
  origin: string,
  file: string,
  authorities: readonly X509Certificate[],
  now = Date.now(),
): Revocations {
  const warnings: string[] = [];
  const lists = blocksOf(origin, file).map((der, index): RevocationList => {
    const list = parsed(origin, der, index);
    if (list.thisUpdate > now)
      throw new CredentialsError(
        `List ${index + 1} in ${origin} begins on ${new Date(list.thisUpdate).toISOString()}: is this machine's clock right?`,
      );
    const issuer = issuerOf(origin, list, index, authorities);
    if (issuer === undefined)
      warnings.push(
        `list ${index + 1} in ${origin} is of a CA that is not in the bundle: it counts for callers that bring this CA's certificate`,
      );
    return {
      pem: pemOf(der),
      ...(issuer !== undefined && { issuerKey: keyIdOf(issuer.publicKey) }),
      ...(list.nextUpdate !== undefined && { nextUpdate: list.nextUpdate }),
      serials: new Set(list.serials),
    };
  });
  return { lists, warnings };
}

/**
 * Whom the complete lists of a file revoke that an authority has signed, by `issuerKey`: whatever else is wrong with the file, and
 * whenever it was made.
 */
export function revokedIn(
  file: string,
  authorities: readonly X509Certificate[],
): ReadonlyMap<string, readonly string[]> {
  const revoked = new Map<string, readonly string[]>();
  for (const der of wholeBlocksOf(file)) {
    const list = parsedOrNone(der);
    const issuer = list && authorities.find(({ publicKey }) => isSignedBy(list, publicKey));
    if (list === undefined || issuer === undefined) continue;
    const key = keyIdOf(issuer.publicKey);
    revoked.set(key, [...(revoked.get(key) ?? []), ...list.serials]);
  }
  return revoked;
}

/** The list of a CA that is not in --tls-ca, once a caller has brought its certificate. */
export function isListOf({ pem, issuerKey }: RevocationList, key: KeyObject, keyId: string): boolean {
  if (issuerKey !== undefined) return issuerKey === keyId;
  return isSignedBy(parseList(Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ""), "base64")), key);
}

function blocksOf(origin: string, file: string): readonly Uint8Array[] {
  const bytes = Buffer.from(file, "latin1");
  if (bytes[0] === TAG.sequence) {
    try {
      return [...derBlocks(bytes)];
    } catch (cause) {
      throw new CredentialsError(`${origin} cannot be parsed as DER: ${String(cause)}`, { cause });
    }
  }
  const fault = pemFault(file);
  if (fault !== undefined) throw new CredentialsError(`${origin} cannot be used: ${fault}`);
  const blocks = pemBlocks(file);
  if (blocks.length === 0)
    throw new CredentialsError(`${origin} holds no list: expected PEM with -----BEGIN X509 CRL-----, or DER`);
  return blocks;
}

function pemBlocks(file: string): readonly Uint8Array[] {
  return [...file.matchAll(PEM_BLOCK)].map((match) => Buffer.from(match[1] ?? "", "base64"));
}

/** @throws RangeError at the first bytes that are no element */
function* derBlocks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length;) {
    const { end } = readElement(bytes, offset, bytes.length);
    yield bytes.subarray(offset, end);
    offset = end;
  }
}

/** Up to where the file is damaged, if it is DER. */
function wholeBlocksOf(file: string): readonly Uint8Array[] {
  const bytes = Buffer.from(file, "latin1");
  if (bytes[0] !== TAG.sequence) return pemBlocks(file);
  const blocks: Uint8Array[] = [];
  try {
    for (const block of derBlocks(bytes)) blocks.push(block);
  } catch {
    // What stands in front of the damage is whole.
  }
  return blocks;
}

function parsedOrNone(der: Uint8Array): ParsedList | undefined {
  try {
    return parseList(der);
  } catch {
    return undefined;
  }
}

function parsed(origin: string, der: Uint8Array, index: number): ParsedList {
  try {
    return parseList(der);
  } catch (cause) {
    throw new CredentialsError(
      `List ${index + 1} in ${origin} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** `undefined` for the list of a CA that is not in the bundle. One in the name of a CA of the bundle must be of its key. */
function issuerOf(
  origin: string,
  list: ParsedList,
  index: number,
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  const issuer = authorities.find(({ publicKey }) => isSignedBy(list, publicKey));
  const named = issuer ?? authorities.find(({ raw }) => Buffer.compare(subjectOf(raw), list.issuer) === 0);
  if (issuer === undefined && named !== undefined)
    throw new CredentialsError(
      `List ${index + 1} in ${origin} names ${holderText(named)} and is not signed by it: provide the list that the CA of the bundle has signed`,
    );
  return issuer;
}

/** Name of a certificate's holder, DER: after version, serial number, algorithm, issuer and validity. */
function subjectOf(certificate: Uint8Array): Uint8Array {
  const [tbs] = readChildren(certificate, readElement(certificate, 0, certificate.length));
  if (tbs === undefined) throw new RangeError("not a certificate");
  const versioned = readChildren(certificate, tbs)[0]?.tag === TAG.zero;
  return wholeOf(certificate, tbs, versioned ? 5 : 4);
}

function pemOf(der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN X509 CRL-----\n${base64}\n-----END X509 CRL-----\n`;
}
