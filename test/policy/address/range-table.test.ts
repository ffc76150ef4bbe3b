import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, parseRange, type Words } from "../../../src/policy/address/address.ts";
import { buildRanges, findRange, type SourcedRange } from "../../../src/policy/address/range-table.ts";

function sourced(texts: readonly string[]): readonly SourcedRange[] {
  return texts.map((text, source) => ({ ...parseRange(text)!, source }));
}

function words(address: string): Words {
  return parseAddress(address)!.words;
}

function isIn({ first, last }: SourcedRange, [word = 0]: Words): boolean {
  return word >= first[0]! && word <= last[0]!;
}

test("the source of an address is the first one whose range holds it, however ranges nest and repeat", () => {
  const last = fc.integer({ min: 0, max: 255 }).map((octet) => `10.0.0.${octet}`);
  const range = fc.tuple(last, fc.integer({ min: 24, max: 32 })).map(([base, bits]) => `${base}/${bits}`);
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (texts) => {
      const ranges = sourced(texts);
      const table = buildRanges(ranges, 1);
      for (let octet = 0; octet < 256; octet += 1) {
        const address = words(`10.0.0.${octet}`);
        assert.equal(
          findRange(table, 1, address),
          ranges.findIndex((one) => isIn(one, address)),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("the whole of IPv6, and of IPv4, ends at its last address", () => {
  assert.equal(findRange(buildRanges(sourced(["::/0", "ffff::/16"]), 4), 4, words("ffff:ffff::ffff")), 0);
  assert.equal(findRange(buildRanges(sourced(["0.0.0.0/0"]), 1), 1, words("255.255.255.255")), 0);
});

test("many copies of an outer range make the table of many inner ones no dearer than one", () => {
  const inner = Array.from({ length: 15_000 }, (_, n) => `10.${n >> 8}.${n & 255}.128/25`);
  const timed = (outer: number): { readonly ms: number; readonly pieces: number } => {
    const ranges = sourced([...inner, ...Array.from({ length: outer }, () => "10.0.0.0/8")]);
    const start = performance.now();
    const { sources } = buildRanges(ranges, 1);
    return { ms: performance.now() - start, pieces: sources.length };
  };
  const one = timed(1);
  const many = timed(15_000);
  assert.equal(many.pieces, one.pieces);
  // Twice the ranges; a look at every copy for every piece would be thousands of times the work.
  assert.ok(many.ms < 50 * one.ms + 100, `${many.ms} ms beside ${one.ms} ms`);
});
