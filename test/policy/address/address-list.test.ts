import assert from "node:assert/strict";
import { test } from "node:test";
import { listAddresses } from "../../../src/policy/address/address-list.ts";
import { buildAddressSet } from "../../../src/policy/address/address-set.ts";

/** Counts the members that are put into words. */
class Counted extends Uint32Array {
  read = 0;

  override subarray(begin?: number, end?: number): Uint32Array<ArrayBuffer> {
    this.read += 1;
    return new Uint32Array(this.buffer).subarray(begin, end);
  }
}

test("members are listed with their sources: addresses, then ranges, IPv4 before IPv6", () => {
  const set = buildAddressSet(
    ["Service a/b", "IPRange"],
    [
      { address: "fd00::1:0:0:1", source: 0 },
      { address: "10.0.0.1", source: 0 },
    ],
    [
      { range: "fd00::/64", source: 1 },
      { range: "10.1.0.0/16", source: 1 },
    ],
  );
  assert.deepEqual(
    listAddresses(set, 10).map(({ address, source }) => [address, source]),
    [
      ["10.0.0.1", "Service a/b"],
      ["fd00::1:0:0:1", "Service a/b"],
      ["10.1.0.0-10.1.255.255", "IPRange"],
      ["fd00::-fd00::ffff:ffff:ffff:ffff", "IPRange"],
    ],
  );
  assert.equal(listAddresses(set, 3).length, 3);
  assert.equal(listAddresses(set, 0).length, 0);
});

test("no member beyond the wanted ones is put into words", () => {
  const addresses = Array.from({ length: 1_000 }, (_, n) => ({ address: `10.0.${n >> 8}.${n & 255}`, source: 0 }));
  const set = buildAddressSet(["Service a/b"], addresses, []);
  const words = new Counted(set.exact4.words);
  assert.equal(listAddresses({ ...set, exact4: { ...set.exact4, words } }, 5).length, 5);
  assert.equal(words.read, 5);
});
