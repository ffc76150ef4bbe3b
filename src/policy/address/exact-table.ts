/** Exact addresses by hash; the layout is described at `ExactTable`. */
import type { Words } from "./address.ts";
import type { ExactTable } from "./address-tables.ts";

export interface TableEntry {
  readonly words: Words;
  readonly source: number;
  /** Zero: unknown. */
  readonly owner: number;
}

/** An address once. */
interface Distinct {
  readonly entry: TableEntry;
  /** Of all its entries, once there are two that differ. */
  owners?: Set<number>;
}

/** The largest average of entries in a bucket. The number of buckets is a power of two, so the average is between half of this and this. */
const BUCKET_SIZE = 6;

/** Where an address is listed more than once, its first entry counts, and the owners of all. */
export function buildTable(entries: readonly TableEntry[], width: 1 | 4): ExactTable {
  const bits = Math.max(0, Math.ceil(Math.log2(entries.length / BUCKET_SIZE)));
  const shift = 32 - bits;
  const buckets = 2 ** bits;
  const bucketOf = (entry: TableEntry): number =>
    bucket(width === 1 ? hash4(entry.words[0]!) : hash6(entry.words), shift);

  const distinct = withoutRepeats(entries);
  const offsets = new Uint32Array(buckets + 1);
  for (const { entry } of distinct) offsets[bucketOf(entry) + 1]! += 1;
  for (let index = 0; index < buckets; index += 1) offsets[index + 1]! += offsets[index]!;

  const words = new Uint32Array(distinct.length * width);
  const sources = new Uint32Array(distinct.length);
  const owners = new Uint32Array(distinct.length);
  const shared = new Map<number, Uint32Array>();
  const next = offsets.slice();
  for (const { entry, owners: several } of distinct) {
    const at = next[bucketOf(entry)]!++;
    words.set(entry.words, at * width);
    sources[at] = entry.source;
    if (several === undefined) owners[at] = entry.owner;
    // One that is not known may be any pod: then nothing is known of the address.
    else if (!several.has(0)) shared.set(at, Uint32Array.from(several).sort());
  }
  const commonSource = distinct[0]?.entry.source ?? 0;
  const uniform = distinct.every(({ entry }) => entry.source === commonSource);
  return { shift, offsets, words, owners, shared, commonSource, ...(!uniform && { sources }) };
}

/** Entry of an IPv4 address, or -1. */
export function findEntry4(table: ExactTable, word: number): number {
  const { offsets, words } = table;
  const at = bucket(hash4(word), table.shift);
  const end = offsets[at + 1]!;
  for (let entry = offsets[at]!; entry < end; entry += 1) if (words[entry] === word) return entry;
  return -1;
}

/** Entry of an IPv6 address, or -1. */
export function findEntry6(table: ExactTable, address: Words): number {
  const { offsets, words } = table;
  const at = bucket(hash6(address), table.shift);
  const end = offsets[at + 1]!;
  for (let entry = offsets[at]!; entry < end; entry += 1) {
    const first = entry * 4;
    if (
      words[first] === address[0] &&
      words[first + 1] === address[1] &&
      words[first + 2] === address[2] &&
      words[first + 3] === address[3]
    )
      return entry;
  }
  return -1;
}

// JavaScript takes a shift by 32 for one by 0.
function bucket(hash: number, shift: number): number {
  return shift === 32 ? 0 : hash >>> shift;
}

// Fibonacci hashing: the high bits of the product depend on every bit of the address.
function hash4(word: number): number {
  return Math.imul(word ^ (word >>> 16), 0x9e3779b1);
}

function hash6(words: Words): number {
  let hash = Math.imul(words[0]! ^ (words[0]! >>> 16), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ words[1]!, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ words[2]!, 0xc2b2ae35);
  return Math.imul(hash ^ (hash >>> 16) ^ words[3]!, 0x9e3779b1);
}

function withoutRepeats(entries: readonly TableEntry[]): readonly Distinct[] {
  const seen = new Map<string | number, Distinct>();
  for (const entry of entries) {
    const key = entry.words.length === 1 ? entry.words[0]! : entry.words.join(":");
    const known = seen.get(key);
    if (known === undefined) seen.set(key, { entry });
    else if (known.owners !== undefined) known.owners.add(entry.owner);
    else if (known.entry.owner !== entry.owner) known.owners = new Set([known.entry.owner, entry.owner]);
  }
  return [...seen.values()];
}
