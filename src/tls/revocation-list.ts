/** One certificate revocation list (RFC 5280 section 5) of the operator's own file. */
import type { KeyObject } from "node:crypto";
import { readChildren, readElement, readOid, readTime, TAG, wholeOf, type Element } from "./der.ts";
import { readSignature, verifies, type Signature } from "./signature.ts";

/** deltaCRLIndicator. */
const DELTA = "2.5.29.27";

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
  refuseDelta(
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

/** A delta list alone does not hold what its issuer has revoked before. */
function refuseDelta(der: Uint8Array, wrapper: Element | undefined): void {
  if (wrapper === undefined) return;
  const [extensions] = readChildren(der, wrapper);
  const ids =
    extensions === undefined ? [] : readChildren(der, extensions).map((one) => readOid(der, readChildren(der, one)[0]));
  if (ids.includes(DELTA)) throw new RangeError("it is a delta list: provide the complete one");
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
