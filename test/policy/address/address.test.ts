import assert from "node:assert/strict";
import { BlockList, isIP, isIPv4 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, parseRange, readAddress } from "../../../src/policy/address/address.ts";

const ipv6 = fc.oneof(
  fc.ipV6(),
  fc.ipV4().map((address) => `::ffff:${address}`),
  fc.ipV4().map((address) => `64:ff9b::${address}`),
);
const anything = fc.oneof(
  fc.ipV4(),
  ipv6,
  fc.string(),
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef:./%".split("")) }),
);

test("what is an address is what Node says is one, zones apart", () => {
  fc.assert(
    fc.property(anything, (text) => {
      const ours = parseAddress(text);
      // A zone names a link; Node takes it, no policy can.
      if (text.includes("%")) assert.equal(ours, undefined);
      else assert.equal(ours !== undefined, isIP(text) !== 0, text);
    }),
    { numRuns: 5_000 },
  );
});

test("an IPv4-mapped address is the IPv4 address, in every spelling", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const plain = parseAddress(address);
      const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      for (const mapped of [`::ffff:${address}`, `::FFFF:${address}`, `::ffff:${hex}`, `0:0:0:0:0:ffff:${hex}`])
        assert.deepEqual(parseAddress(mapped), plain, mapped);
    }),
  );
});

test("reading never throws and never writes beyond four words", () => {
  fc.assert(
    fc.property(anything, (text) => {
      const out = new Uint32Array(6).fill(0xdeadbeef);
      readAddress(text, out);
      assert.deepEqual([out[4], out[5]], [0xdeadbeef, 0xdeadbeef]);
    }),
  );
});

test("a range holds what Node's own BlockList holds", () => {
  const cases = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4()),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.ipV6()),
  );
  fc.assert(
    fc.property(cases, fc.boolean(), ([base, prefix, other], own) => {
      const range = parseRange(`${base}/${prefix}`);
      assert.ok(range !== undefined);
      // The mapped block is IPv4's; Node's list keeps the families apart otherwise than we do.
      const peer = own ? base : other;
      const address = parseAddress(peer);
      assert.ok(address !== undefined);
      if (address.family !== range.family || range.family !== (isIPv4(base) ? 4 : 6)) return;
      const list = new BlockList();
      list.addSubnet(base, prefix, isIPv4(base) ? "ipv4" : "ipv6");
      const inside = address.words.every((_, index) => index < range.first.length);
      assert.ok(inside);
      const value = toBigInt(address.words);
      const within = value >= toBigInt(range.first) && value <= toBigInt(range.last);
      assert.equal(within, list.check(peer, isIPv4(peer) ? "ipv4" : "ipv6"), `${peer} in ${base}/${prefix}`);
    }),
    { numRuns: 2_000 },
  );
});

test("what is no range says so", () => {
  for (const text of [
    "10.0.0.0",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "/8",
    "10.0.0/8",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
  ])
    assert.equal(parseRange(text), undefined, text);
});

function toBigInt(words: Uint32Array): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}
