/** An address set in words, for people: the data path never needs its members as text. */
import type { AddressSet, ExactTable, RangeTable } from "./address-tables.ts";

export interface Member {
  /** An address, or the first and last of a range. */
  readonly address: string;
  readonly source: string;
}

/** @param atMost members; the rest is left out, and costs nothing */
export function listAddresses(set: AddressSet, atMost: number): readonly Member[] {
  const members: Member[] = [];
  if (atMost <= 0) return members;
  for (const member of membersOf(set)) if (members.push(member) >= atMost) break;
  return members;
}

function* membersOf(set: AddressSet): Generator<Member> {
  const tables = [exact(set.exact4, 1), exact(set.exact6, 4), ranges(set.ranges4, 1), ranges(set.ranges6, 4)] as const;
  for (const table of tables)
    for (const [address, source] of table) yield { address, source: set.sources[source] ?? "" };
}

type Listed = Generator<readonly [address: string, source: number]>;

function* exact({ words, owners, sources, commonSource }: ExactTable, size: 1 | 4): Listed {
  for (const entry of owners.keys())
    yield [textOf(words.subarray(entry * size, (entry + 1) * size)), sources?.[entry] ?? commonSource];
}

function* ranges({ first, last, sources }: RangeTable, size: 1 | 4): Listed {
  for (const [entry, source] of sources.entries()) {
    const at = [entry * size, (entry + 1) * size] as const;
    yield [`${textOf(first.subarray(...at))}-${textOf(last.subarray(...at))}`, source];
  }
}

/** IPv6 in the form of RFC 5952. */
function textOf(words: Uint32Array): string {
  const [first = 0] = words;
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join(".");
  const groups = [...words].flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]);
  const zeros = [...groups.join(":").matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)].map(([run]) => run);
  const longest = zeros.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return groups.join(":");
  const text = groups.join(":");
  const at = text.search(new RegExp(`(?<![0-9a-f])${longest}(?![0-9a-f])`));
  const [before, after] = [text.slice(0, at), text.slice(at + longest.length)];
  return `${before.replace(/:$/, "")}::${after.replace(/^:/, "")}`;
}
