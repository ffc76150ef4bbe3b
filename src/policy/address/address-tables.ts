/** Addresses as a snapshot holds them: typed arrays and Maps only, so that a clone is a copy of memory. */

/**
 * Exact addresses, grouped into buckets by hash and laid out without gaps: a look-up reads two neighbouring offsets and
 * the few words of one bucket, which keeps a million addresses in 4.5 MB and within the reach of the processor's caches.
 * A clone is a memory copy with nothing to rebuild.
 */
export interface ExactTable {
  /** The high bits of the hash that are left after this shift number the bucket. 32 stands for a single bucket. */
  readonly shift: number;
  /** Where each bucket begins, in entries, and where the last one ends. */
  readonly offsets: Uint32Array;
  /** The addresses (IPv4: one word an entry, IPv6: four). */
  readonly words: Uint32Array;
  /** Index into `AddressSet.sources` by entry; absent when every entry has `commonSource`, which spares a read. */
  readonly sources?: Uint32Array;
  readonly commonSource: number;
  /** Hash of the owning pod's UID by entry, zero when unknown or `shared`: tells a reused address from the pod that had it. */
  readonly owners: Uint32Array;
  /** The owners of addresses that several pods have (host network), by entry, ascending. Few, so that the table stays compact. */
  readonly shared: ReadonlyMap<number, Uint32Array>;
}

/** Disjoint ranges sorted by first address; looked up by binary search. Where ranges overlapped, the earlier source has the overlap. */
export interface RangeTable {
  /** IPv4: one word an entry. IPv6: four words an entry. */
  readonly first: Uint32Array;
  readonly last: Uint32Array;
  /** Index into `AddressSet.sources`. */
  readonly sources: Uint32Array;
}

export interface AddressSet {
  readonly exact4: ExactTable;
  readonly exact6: ExactTable;
  readonly ranges4: RangeTable;
  readonly ranges6: RangeTable;
  /** Label of each source, e.g. `Service gateways/edge`, `IPRange 10.0.0.0/8`. */
  readonly sources: readonly string[];
}
