import assert from "node:assert/strict";
import { test } from "node:test";
import { Departures } from "../../src/discovery/departures.ts";
import type { ObjectKey, ServiceEndpoints } from "../../src/policy/model.ts";

const KEY: ObjectKey = "gw/edge";

function of(...addresses: readonly string[]): ReadonlyMap<ObjectKey, ServiceEndpoints> {
  return new Map([[KEY, { endpoints: addresses.map((address) => ({ address })) }]]);
}

test("an address that left is remembered with its time, until it is back or ten minutes are over", () => {
  const departures = new Departures();
  assert.equal(departures.observe(of("10.0.0.1", "10.0.0.2"), 0).size, 0);
  assert.deepEqual([...(departures.observe(of("10.0.0.1"), 5).get(KEY) ?? [])], [["10.0.0.2", 5]]);
  assert.deepEqual([...(departures.observe(of("10.0.0.2"), 9).get(KEY) ?? [])], [["10.0.0.1", 9]]);
  assert.equal(departures.observe(of("10.0.0.2"), 600_009).size, 1);
  assert.equal(departures.observe(of("10.0.0.2"), 600_010).size, 0);
});

test("a source that is not known for the moment has lost nothing, and the memory is bounded", () => {
  const departures = new Departures();
  const many = Array.from({ length: 1_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  departures.observe(of(...many), 0);
  assert.equal(departures.observe(new Map([[KEY, { endpoints: [], unknown: "forbidden" }]]), 1).size, 0);
  departures.observe(of(...many), 2);
  assert.equal(departures.observe(of(), 3).get(KEY)?.size, 200);
});
