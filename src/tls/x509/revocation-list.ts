/** One certificate revocation list (RFC 5280 section 5) of the operator's own file. */
import type { KeyObject } from "node:crypto";
import { readChildren, readElement, readOid, readTime, TAG, wholeOf, type Element } from "./der.ts";
import { readSignature, verifies, type Signature } from "./signature.ts";

/** deltaCRLIndicator. */
const DELTA = "2.5.29.27";
/** issuingDistributionPoint (RFC 5280 section 5.2.5). */
const SCOPE = "2.5.29.28";
/** Of its fields the one that says where the list is found; each of the others leaves certificates of the issuer out. */
const WHERE_FOUND = 0xa0;

/** As read; not verified. */
export interface ParsedList {
  readonly der: Uint8Array;
  /** Name of the issuer, DER. */
  readonly issuer: Uint8Array;
  readonly signed: Uint8Array;
  readonly signature: Signature;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** As Node prints serial numbers. */
  readonly serials: readonly string[];
}

/** @throws RangeError for what is no list, is only part of one, or is signed in a way that is not served */
export function parseList(der: Uint8Array): ParsedList {
  const whole = readElement(der, 0, der.length);
  const [tbs, algorithm, bits] = readChildren(der, whole);
  if (tbs?.tag !== TAG.sequence || algorithm === undefined || bits?.tag !== TAG.bitString)
    throw new RangeError("not a CertificateList");
  const fields = readChildren(der, tbs);
  const nameAt = fields[0]?.tag === TAG.integer ? 2 : 1;
  const thisUpdate = fields[nameAt + 1];
  if (thisUpdate === undefined || !isTime(thisUpdate)) throw new RangeError("not a CertificateList");
  const rest = fields.slice(nameAt + 2);
  const nextUpdate = rest[0] !== undefined && isTime(rest[0]) ? rest.shift() : undefined;
  const entries = rest.find((field) => field.tag === TAG.sequence);
  refusePartial(
    der,
    rest.find((field) => field.tag === TAG.zero),
  );
  return {
    der,
    issuer: wholeOf(der, tbs, nameAt),
    signed: wholeOf(der, whole, 0),
    signature: readSignature(der, algorithm, bits),
    thisUpdate: readTime(der, thisUpdate),
    nextUpdate: nextUpdate && readTime(der, nextUpdate),
    serials: entries === undefined ? [] : readChildren(der, entries).map((entry) => serialOf(der, entry)),
  };
}

export function isSignedBy({ signed, signature }: ParsedList, key: KeyObject): boolean {
  return verifies(signed, signature, key);
}

function isTime({ tag }: Element): boolean {
  return tag === TAG.utcTime || tag === TAG.generalizedTime;
}

/**
 * A list that does not speak of all that its issuer has revoked, or in a way that OpenSSL does not know: in handshakes it would
 * count for nobody, while the complete one that it replaces would be gone.
 */
function refusePartial(der: Uint8Array, wrapper: Element | undefined): void {
  const [extensions] = wrapper === undefined ? [] : readChildren(der, wrapper);
  if (extensions === undefined) return;
  for (const extension of readChildren(der, extensions)) {
    const [id, ...rest] = readChildren(der, extension);
    const oid = readOid(der, id);
    const value = rest.at(-1);
    if (oid === DELTA) throw new RangeError("it is a delta list: provide the complete one");
    if (oid === SCOPE) {
      if (value === undefined || isPartial(der, value))
        throw new RangeError("its issuingDistributionPoint leaves certificates out: provide the complete list");
    } else if (rest.length > 1 && der[rest[0]!.start] !== 0)
      throw new RangeError(`its critical extension ${oid} is not known`);
  }
}

/** @param value OCTET STRING around the IssuingDistributionPoint */
function isPartial(der: Uint8Array, value: Element): boolean {
  const point = readElement(der, value.start, value.end);
  return readChildren(der, point).some(({ tag }) => tag !== WHERE_FOUND);
}

/** Upper-case hexadecimal with an even number of digits and no zero byte in front, as OpenSSL's BN_bn2hex gives it. */
function serialOf(der: Uint8Array, entry: Element): string {
  const [serial] = readChildren(der, entry);
  if (serial?.tag !== TAG.integer || serial.start === serial.end) throw new RangeError("a serial number was expected");
  const bytes = Buffer.from(der.buffer, der.byteOffset + serial.start, serial.end - serial.start);
  const negative = bytes[0]! >= 0x80;
  const hex = negative
    ? negated(bytes)
    : bytes
        .toString("hex")
        .toUpperCase()
        .replace(/^(?:00)+/, "");
  return hex === "" ? "0" : hex;
}

function negated(bytes: Buffer): string {
  const magnitude = (2n ** BigInt(bytes.length * 8) - BigInt(`0x${bytes.toString("hex")}`)).toString(16).toUpperCase();
  return `-${magnitude.length % 2 === 0 ? "" : "0"}${magnitude}`;
}
