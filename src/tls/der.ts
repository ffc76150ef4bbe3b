/** Just enough DER (X.690) to walk a certificate that OpenSSL has parsed already. */

/** One element: its tag byte, and where its content stands. */
export interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** Tags used in certificates. */
export const TAG = {
  oid: 0x06,
  octetString: 0x04,
  sequence: 0x30,
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
