/**
 * Who may connect, as a set of addresses: exact ones by hash, ranges by binary search. Each member knows the source that
 * brought it in; where several did, the first one listed is named.
 */
import { parseAddress, parseRange } from "./address.ts";
import { buildTable, findEntry4, findEntry6, type TableEntry } from "./exact-table.ts";
import { buildRanges, findRange, type SourcedRange } from "./range-table.ts";
import type { PeerAddress } from "./peer-address.ts";
import type { AddressSet } from "./address-tables.ts";

/** One address of a source. `source` is an index into the labels given to `buildAddressSet`. */
export interface SourcedAddress {
  readonly address: string;
  readonly source: number;
  /** UID of the pod behind it. */
  readonly uid?: string;
}

/** Addresses that do not parse are left out: they can match nobody. */
export function buildAddressSet(
  sources: readonly string[],
  addresses: readonly SourcedAddress[],
  ranges: readonly { readonly range: string; readonly source: number }[],
): AddressSet {
  const exact: Record<4 | 6, TableEntry[]> = { 4: [], 6: [] };
  for (const { address, source, uid } of addresses) {
    const parsed = parseAddress(address);
    if (parsed !== undefined) exact[parsed.family].push({ words: parsed.words, source, owner: ownerHash(uid) });
  }
  const spans: Record<4 | 6, SourcedRange[]> = { 4: [], 6: [] };
  for (const { range, source } of ranges) {
    const parsed = parseRange(range);
    if (parsed !== undefined) spans[parsed.family].push({ ...parsed, source });
  }
  return {
    exact4: buildTable(exact[4], 1),
    exact6: buildTable(exact[6], 4),
    ranges4: buildRanges(spans[4], 1),
    ranges6: buildRanges(spans[6], 4),
    sources,
  };
}

/** Index of the source that lists the address, or -1. */
export function findAddress(set: AddressSet, { family, words }: PeerAddress): number {
  switch (family) {
    case 4: {
      const entry = findEntry4(set.exact4, words[0]!);
      if (entry === -1) return findRange(set.ranges4, 1, words);
      return set.exact4.sources === undefined ? set.exact4.commonSource : set.exact4.sources[entry]!;
    }
    case 6: {
      const entry = findEntry6(set.exact6, words);
      if (entry === -1) return findRange(set.ranges6, 4, words);
      return set.exact6.sources === undefined ? set.exact6.commonSource : set.exact6.sources[entry]!;
    }
    case 0:
      return -1;
  }
}

/** Hashes of the pods that have an address, ascending. Empty: unknown. */
export type Owners = ArrayLike<number>;

/** Of an address that is not listed by itself, or by an endpoint that is no pod. */
export const UNKNOWN_OWNERS: Owners = Object.freeze([]);

/** Every pod behind the sources that has the address: those of the host network share their node's. */
export function ownersOf(set: AddressSet, { family, words }: PeerAddress): Owners {
  if (family === 0) return UNKNOWN_OWNERS;
  const table = family === 4 ? set.exact4 : set.exact6;
  const entry = family === 4 ? findEntry4(table, words[0]!) : findEntry6(table, words);
  if (entry === -1) return UNKNOWN_OWNERS;
  const owner = table.owners[entry]!;
  return owner === 0 ? (table.shared.get(entry) ?? UNKNOWN_OWNERS) : [owner];
}

/** Whether none of the pods that had an address has it still. Where either side is unknown nothing is known to have changed. */
export function isReplaced(former: Owners, present: Owners): boolean {
  if (former.length === 0 || present.length === 0) return false;
  let at = 0;
  for (let index = 0; index < former.length; index += 1) {
    while (at < present.length && present[at]! < former[index]!) at += 1;
    if (present[at] === former[index]) return false;
  }
  return true;
}

/** True when nothing can be in the set. */
export function isEmptySet(set: AddressSet): boolean {
  return set.exact4.words.length + set.exact6.words.length + set.ranges4.first.length + set.ranges6.first.length === 0;
}

/** FNV-1a over the UID's text; never zero for a known UID. */
function ownerHash(uid: string | undefined): number {
  if (uid === undefined || uid === "") return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < uid.length; index += 1) hash = Math.imul(hash ^ uid.charCodeAt(index), 0x01000193);
  return hash >>> 0 || 1;
}
