/** The addresses of nodes, which are looked at only to explain a refusal. */
import { parseAddress, parseRange } from "./address.ts";

/** True for an address, and for a range in CIDR notation. */
export function isAddressOrRange(text: string): boolean {
  return parseAddress(text) !== undefined || parseRange(text) !== undefined;
}

/** True when one of the addresses and ranges holds the address. */
export function holdsAddress(listed: readonly string[], address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  return listed.some((text) => {
    const exact = parseAddress(text);
    const range =
      exact === undefined ? parseRange(text) : { family: exact.family, first: exact.words, last: exact.words };
    return (
      range?.family === parsed.family &&
      compare(range.first, parsed.words) <= 0 &&
      compare(parsed.words, range.last) <= 0
    );
  });
}

function compare(a: Uint32Array, b: Uint32Array): number {
  for (const [index, word] of a.entries()) if (word !== b[index]) return word < (b[index] ?? 0) ? -1 : 1;
  return 0;
}
