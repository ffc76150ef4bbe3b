/** Sorted disjoint address ranges: look-up time grows with the logarithm of their number. */
import type { Range, Words } from "./address.ts";
import type { RangeTable } from "./address-tables.ts";

export interface SourcedRange extends Range {
  readonly source: number;
}

interface Span {
  readonly first: bigint;
  last: bigint;
  readonly source: number;
}

/**
 * Merges ranges of one family into disjoint pieces. CIDR ranges either nest or are apart, so a sweep in order of first
 * address with a stack of open ranges sees every case: the innermost one is on top and ends first. Where they nest, the source
 * listed first has the overlap.
 */
export function buildRanges(ranges: readonly SourcedRange[], width: 1 | 4): RangeTable {
  const pieces: Span[] = [];
  const sorted = ranges
    .map((range) => ({ first: toBigInt(range.first), last: toBigInt(range.last), source: range.source }))
    .sort((a, b) => compare(a.first, b.first) || compare(b.last, a.last) || a.source - b.source);

  /** `source` is that of the whole stack up to here: the smallest. Equal ranges are one entry. */
  const open: Span[] = [];
  let position = 0n;
  // Writes what is open up to (not including) `until`.
  const advance = (until: bigint): void => {
    for (let top = open.at(-1); top !== undefined && position < until; top = open.at(-1)) {
      const stop = top.last < until ? top.last : until - 1n;
      const previous = pieces.at(-1);
      if (previous !== undefined && previous.source === top.source && previous.last + 1n === position)
        previous.last = stop;
      else pieces.push({ first: position, last: stop, source: top.source });
      position = stop + 1n;
      while (open.length > 0 && open.at(-1)!.last < position) open.pop();
    }
  };
  for (const range of sorted) {
    advance(range.first);
    position = range.first;
    const top = open.at(-1);
    // Of equal ranges the source listed first comes first.
    if (top?.first === range.first && top.last === range.last) continue;
    open.push({ ...range, source: Math.min(range.source, top?.source ?? range.source) });
  }
  advance(1n << 129n);
  return {
    first: flatten(
      pieces.map((piece) => piece.first),
      width,
    ),
    last: flatten(
      pieces.map((piece) => piece.last),
      width,
    ),
    sources: Uint32Array.from(pieces, (piece) => piece.source),
  };
}

/** Source of the range that holds the address, or -1. */
export function findRange(table: RangeTable, width: 1 | 4, words: Words): number {
  let low = 0;
  let high = table.sources.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (compareAt(table.first, middle, width, words) > 0) high = middle - 1;
    else if (compareAt(table.last, middle, width, words) < 0) low = middle + 1;
    else return table.sources[middle]!;
  }
  return -1;
}

function compareAt(entries: Uint32Array, entry: number, width: 1 | 4, words: Words): number {
  for (let index = 0; index < width; index += 1) {
    const difference = entries[entry * width + index]! - words[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function toBigInt(words: Words): bigint {
  return words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
}

function flatten(values: readonly bigint[], width: 1 | 4): Uint32Array {
  const out = new Uint32Array(values.length * width);
  values.forEach((value, entry) => {
    for (let index = 0; index < width; index += 1)
      out[entry * width + index] = Number((value >> BigInt(32 * (width - 1 - index))) & 0xffffffffn);
  });
  return out;
}
