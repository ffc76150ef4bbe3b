import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildAddressSet,
  findAddress,
  isEmptySet,
  isReplaced,
  ownersOf,
  type Owners,
} from "../../../src/policy/address/address-set.ts";
import { parseAddress, parseRange } from "../../../src/policy/address/address.ts";
import { peerAddress } from "../../../src/policy/address/peer-address.ts";

/** Addresses that meet often. */
const near = fc.oneof(
  fc.integer({ min: 0, max: 511 }).map((n) => `10.0.${n >> 8}.${n & 255}`),
  fc.integer({ min: 0, max: 511 }).map((n) => `::ffff:10.0.${n >> 8}.${n & 255}`),
  fc.integer({ min: 0, max: 511 }).map((n) => `fd00::${n.toString(16)}`),
);
const ranges = fc.oneof(
  fc.tuple(near, fc.integer({ min: 20, max: 32 })).map(([base, bits]) => `${base.replace("::ffff:", "")}/${bits}`),
  fc.tuple(near, fc.integer({ min: 116, max: 128 })).map(([base, bits]) => `${base}/${bits}`),
);

function value(words: Uint32Array): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

/** The rule in its plainest form: one look at each entry. */
function holds(entries: readonly string[], listed: readonly string[], peer: string): boolean {
  const address = parseAddress(peer);
  if (address === undefined) return false;
  const exact = entries.some((entry) => {
    const other = parseAddress(entry);
    return other?.family === address.family && value(other.words) === value(address.words);
  });
  return (
    exact ||
    listed.some((text) => {
      const range = parseRange(text);
      if (range === undefined || range.family !== address.family) return false;
      return value(address.words) >= value(range.first) && value(address.words) <= value(range.last);
    })
  );
}

test("a set of addresses and overlapping ranges holds what a look at each entry finds", () => {
  fc.assert(
    fc.property(
      fc.array(near, { maxLength: 40 }),
      fc.array(ranges, { maxLength: 12 }),
      fc.array(fc.oneof(near, fc.ipV4(), fc.ipV6(), fc.string()), { minLength: 1, maxLength: 60 }),
      (addresses, listed, peers) => {
        const valid = listed.filter((text) => parseRange(text) !== undefined);
        const set = buildAddressSet(
          ["Service a/b", "ranges"],
          addresses.map((address) => ({ address, source: 0 })),
          valid.map((range) => ({ range, source: 1 })),
        );
        const copied = structuredClone(set);
        for (const peer of [...peers, ...addresses]) {
          const expected = holds(addresses, valid, peer);
          assert.equal(findAddress(set, peerAddress(peer)) >= 0, expected, peer);
          assert.equal(
            findAddress(copied, peerAddress(peer)) >= 0,
            expected,
            `${peer}, in a copy that crossed threads`,
          );
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test("the found source is the one that lists the address", () => {
  const set = buildAddressSet(
    ["Service a/b", "Service c/d", "IPRange 10.1.0.0/16"],
    [
      { address: "10.0.0.1", source: 0, uid: "pod-1" },
      { address: "fd00::1", source: 1 },
    ],
    [{ range: "10.1.0.0/16", source: 2 }],
  );
  assert.equal(findAddress(set, peerAddress("10.0.0.1")), 0);
  assert.equal(findAddress(set, peerAddress("::ffff:10.0.0.1")), 0);
  assert.equal(findAddress(set, peerAddress("fd00:0::1")), 1);
  assert.equal(findAddress(set, peerAddress("10.1.255.255")), 2);
  assert.equal(findAddress(set, peerAddress("10.2.0.0")), -1);
  assert.equal(ownersOf(set, peerAddress("10.0.0.1")).length, 1);
  assert.equal(ownersOf(set, peerAddress("fd00::1")).length, 0);
  assert.equal(ownersOf(set, peerAddress("10.1.0.1")).length, 0);
});

test("an address is replaced when no pod that had it has it still, in whatever order and by whichever source they are listed", () => {
  /** A pod by its UID, `undefined` for an endpoint that is none; each behind one of two sources. */
  const pods = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", undefined), { maxLength: 5 });
  const held = fc.tuple(pods, fc.constantFrom("10.0.0.1", "fd00::1")).chain(([uids, address]) => {
    const entries = uids.flatMap((uid) =>
      [0, 1].map((source) => ({ address, source, ...(uid !== undefined && { uid }) })),
    );
    return fc.tuple(
      fc.constant(uids),
      fc.constant(address),
      fc.shuffledSubarray(entries, { minLength: entries.length }),
    );
  });
  fc.assert(
    fc.property(held, held, ([before, was, first], [after, is, second]) => {
      const owners = (address: string, entries: typeof first): Owners =>
        ownersOf(structuredClone(buildAddressSet(["x", "y"], entries, [])), peerAddress(address));
      const known = [before, after].every((uids) => uids.length > 0 && !uids.includes(undefined));
      const expected = known && !after.some((uid) => before.includes(uid));
      assert.equal(isReplaced(owners(was, first), owners(is, second)), expected);
    }),
    { numRuns: 500 },
  );
});

test("a set of nothing matches nobody", () => {
  const set = buildAddressSet([], [], []);
  assert.ok(isEmptySet(set));
  for (const peer of ["0.0.0.0", "::", "255.255.255.255", ""]) assert.equal(findAddress(set, peerAddress(peer)), -1);
});

test("a hundred thousand addresses are found, and none beside them", () => {
  const text = (n: number): string => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
  const addresses = Array.from({ length: 100_000 }, (_, index) => ({ address: text(index * 2), source: 0 }));
  const set = buildAddressSet(["Service a/b"], addresses, []);
  for (let index = 0; index < 200_000; index += 1)
    assert.equal(findAddress(set, peerAddress(text(index))) >= 0, index % 2 === 0);
});
