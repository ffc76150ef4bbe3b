/** Just enough DER (X.690) to walk a certificate that OpenSSL has parsed already, and the operator's own revocation lists. */

/** One element: its tag byte, and where its content stands. */
export interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** Tags used in certificates. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[0]` and `[3]`, explicit. */
  zero: 0xa0,
  extensions: 0xa3,
  dnsName: 0x82,
  uri: 0x86,
} as const;

/** @throws RangeError when the element does not fit into `[offset, end)`: nothing half-read is ever used */
export function readElement(der: Uint8Array, offset: number, end: number): Element {
  const tag = der[offset];
  const short = der[offset + 1];
  if (tag === undefined || short === undefined || offset + 2 > end) throw new RangeError(`Truncated DER at ${offset}`);
  let length = short;
  let start = offset + 2;
  if (short >= 0x80) {
    const size = short & 0x7f;
    if (size === 0 || size > 4) throw new RangeError(`Unsupported DER length at ${offset}`);
    length = 0;
    for (let index = 0; index < size; index += 1) length = length * 256 + (der[start + index] ?? Number.NaN);
    start += size;
  }
  if (!(start + length <= end)) throw new RangeError(`DER element at ${offset} is longer than what holds it`);
  return { tag, start, end: start + length };
}

/** The elements inside another. */
export function readChildren(der: Uint8Array, parent: Element): readonly Element[] {
  const children: Element[] = [];
  for (let offset = parent.start; offset < parent.end;) {
    const child = readElement(der, offset, parent.end);
    children.push(child);
    offset = child.end;
  }
  return children;
}

/** The bytes of an element, its header included: what is compared, hashed or verified as it stands. */
export function wholeOf(der: Uint8Array, parent: Element, index: number): Uint8Array {
  const children = readChildren(der, parent);
  const begin = index === 0 ? parent.start : children[index - 1]?.end;
  const child = children[index];
  if (begin === undefined || child === undefined) throw new RangeError("Missing DER element");
  return der.subarray(begin, child.end);
}

/** Dotted text of an OBJECT IDENTIFIER. */
export function readOid(der: Uint8Array, element: Element | undefined): string {
  if (element?.tag !== TAG.oid || element.start === element.end)
    throw new RangeError("An object identifier was expected");
  const parts: number[] = [];
  let value = 0;
  for (let index = element.start; index < element.end; index += 1) {
    const byte = der[index]!;
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (parts.length === 0)
      parts.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)));
    else parts.push(value);
    value = 0;
  }
  return parts.join(".");
}

const UTC_TIME = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** UTCTime or GeneralizedTime in the forms of RFC 5280 section 4.1.2.5; milliseconds since the epoch. */
export function readTime(der: Uint8Array, element: Element): number {
  const text = Buffer.from(der.subarray(element.start, element.end)).toString("latin1");
  const [, year = "", ...rest] = (element.tag === TAG.utcTime ? UTC_TIME : GENERALIZED_TIME).exec(text) ?? [];
  const [month = 0, day, hour, minute, second] = rest.map(Number);
  if (rest.length === 0) throw new RangeError(`A time was expected, not '${text}'`);
  const century = element.tag === TAG.utcTime ? (Number(year) < 50 ? 2_000 : 1_900) : 0;
  return Date.UTC(century + Number(year), month - 1, day, hour, minute, second);
}
