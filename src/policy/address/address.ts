/**
 * IP addresses and ranges as 32-bit words. Reading one allocates nothing, so that the data path can fold the text that
 * a socket gives it for every decision.
 *
 * Rules are those of Go's `netip.ParseAddr` and `net.ParseCIDR`, which OSM's admission and Kubernetes use: no leading
 * zeros in IPv4 octets, at least one group behind `::`, no zone in a range. An IPv4-mapped IPv6 address
 * (`::ffff:10.0.0.1`, RFC 4291 2.5.5.2) *is* the IPv4 address, on both sides of every comparison.
 */

/** Four words of an IPv6 address, or one of an IPv4 address. */
export type Words = Uint32Array;

/** What a text turned out to be: `0` is no address. */
export type Family = 0 | 4 | 6;

export interface Range {
  readonly family: 4 | 6;
  readonly first: Words;
  readonly last: Words;
}

const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;

/**
 * Reads an address into `out` (at least four words; IPv4 uses the first).
 * A zone (`fe80::1%eth0`) makes it no address: it names a link, and no policy can list one.
 */
export function readAddress(text: string, out: Words): Family {
  // The common forms by far: IPv4, and IPv4 as a dual-stack socket reports it.
  if (text.startsWith("::ffff:") && text.indexOf(".", 7) !== -1) return readIpv4(text, 7, text.length, out, 0) ? 4 : 0;
  if (readIpv4(text, 0, text.length, out, 0)) return 4;
  if (!readIpv6(text, out)) return 0;
  if (out[0] !== 0 || out[1] !== 0 || out[2] !== 0xffff) return 6;
  out[0] = out[3]!;
  return 4;
}

/** Parses one address; `undefined` for what is none. */
export function parseAddress(text: string): { readonly family: 4 | 6; readonly words: Words } | undefined {
  const words = new Uint32Array(4);
  const family = readAddress(text, words);
  return family === 0 ? undefined : { family, words: family === 4 ? words.slice(0, 1) : words };
}

/** The same text for every spelling of an address, for comparisons alone; `undefined` for what is none. */
export function addressKey(text: string): string | undefined {
  return parseAddress(text)?.words.join(":");
}

/**
 * Parses CIDR notation as Go's `net.ParseCIDR` does: host bits are allowed and ignored, a bare address is not a range,
 * the prefix may have leading zeros. A range of mapped addresses (`::ffff:0:0/96` and narrower) is an IPv4 range; a wider
 * IPv6 range never covers IPv4 peers.
 */
export function parseRange(text: string): Range | undefined {
  const slash = text.indexOf("/");
  if (slash === -1) return undefined;
  const digits = text.slice(slash + 1);
  if (!/^\d{1,8}$/.test(digits)) return undefined;
  const prefix = Number(digits);

  const words = new Uint32Array(4);
  const written = text.slice(0, slash);
  const family = readAddress(written, words);
  if (family === 0) return undefined;
  if (family === 6) return prefix <= 128 ? maskRange(6, words, prefix) : undefined;
  if (!written.includes(":")) return prefix <= 32 ? maskRange(4, words.slice(0, 1), prefix) : undefined;
  if (prefix > 128) return undefined;
  if (prefix >= 96) return maskRange(4, words.slice(0, 1), prefix - 96);
  return maskRange(6, new Uint32Array([0, 0, 0xffff, words[0]!]), prefix);
}

function maskRange(family: 4 | 6, words: Words, prefix: number): Range {
  const first = new Uint32Array(words.length);
  const last = new Uint32Array(words.length);
  for (let index = 0; index < words.length; index += 1) {
    const bits = Math.min(32, Math.max(0, prefix - 32 * index));
    const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
    first[index] = words[index]! & mask;
    last[index] = words[index]! | ~mask;
  }
  return { family, first, last };
}

/** Dotted quad in `text[from, to)`; no leading zeros, nothing else around it. */
function readIpv4(text: string, from: number, to: number, out: Words, at: number): boolean {
  if (to - from < 7 || to - from > 15) return false;
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let index = from; index < to; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= ZERO && code <= NINE) {
      if (digits > 0 && octet === 0) return false;
      octet = octet * 10 + (code - ZERO);
      digits += 1;
      if (octet > 255) return false;
    } else if (code === DOT && digits > 0 && dots < 3) {
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      dots += 1;
    } else return false;
  }
  if (dots !== 3 || digits === 0) return false;
  out[at] = value * 256 + octet;
  return true;
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

const groups = new Uint16Array(8);

function readIpv6(text: string, out: Words): boolean {
  const length = text.length;
  if (length < 2 || length > 45) return false;
  let count = 0;
  let gap = -1;
  let index = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    index = 2;
  }
  while (index < length) {
    if (count === 8) return false;
    let group = 0;
    const start = index;
    for (; index < length && index - start <= 4; index += 1) {
      const digit = hexDigit(text.charCodeAt(index));
      if (digit < 0) break;
      group = group * 16 + digit;
    }
    if (index < length && text.charCodeAt(index) === DOT) {
      if (count > 6 || !readIpv4(text, start, length, out, 0)) return false;
      groups[count] = out[0]! >>> 16;
      groups[count + 1] = out[0]! & 0xffff;
      count += 2;
      break;
    }
    if (index === start || index - start > 4) return false;
    groups[count] = group;
    count += 1;
    if (index === length) break;
    if (text.charCodeAt(index) !== COLON || index + 1 === length) return false;
    index += 1;
    if (text.charCodeAt(index) === COLON) {
      if (gap !== -1) return false;
      gap = count;
      index += 1;
    }
  }
  return spread(count, gap, out);
}

/** Lays the groups out around the `::`, which stands for at least one group. */
function spread(count: number, gap: number, out: Words): boolean {
  if (gap === -1 ? count !== 8 : count > 7) return false;
  const missing = 8 - count;
  for (let word = 0; word < 4; word += 1) {
    out[word] = (groupAt(word * 2, gap, missing) * 65536 + groupAt(word * 2 + 1, gap, missing)) >>> 0;
  }
  return true;
}

function groupAt(position: number, gap: number, missing: number): number {
  if (gap === -1 || position < gap) return groups[position]!;
  return position < gap + missing ? 0 : groups[position - missing]!;
}
