import assert from "node:assert/strict";
import { test } from "node:test";
import { mergePeers, unitePeers } from "../../src/proxy/peers.ts";
import type { PeerRow } from "../../src/telemetry/records.ts";

function rowOf(lastSeen: number, more: Partial<PeerRow> = {}): PeerRow {
  return {
    port: 80,
    address: "10.0.0.1",
    tls: false,
    certificate: "unseen",
    sans: [],
    verdict: "forward",
    firstSeen: lastSeen - 5,
    lastSeen,
    count: 1,
    ...more,
  };
}

test("the most recent verdict stands, whatever refused everybody meanwhile and in whichever order rows come", () => {
  const refused = rowOf(10, { verdict: "close", reason: "source-not-listed" });
  const forwarded = rowOf(15);
  const everybody = rowOf(20, { verdict: "close", reason: "draining" });
  for (const rows of [
    [refused, everybody, forwarded],
    [everybody, forwarded, refused],
    [forwarded, refused, everybody],
  ] as const) {
    const { verdict, reason, firstSeen, lastSeen, count } = mergePeers([...rows]);
    assert.deepEqual([verdict, reason, firstSeen, lastSeen, count], ["forward", undefined, 5, 20, 3]);
  }
  assert.equal(mergePeers([everybody, rowOf(19, { verdict: "close", reason: "stale-snapshot" })]).reason, "draining");
});

test("two hundred thousand connections of one peer are one row", () => {
  const [row, ...others] = unitePeers(Array.from({ length: 200_000 }, (_, index) => rowOf(index)));
  assert.deepEqual(others, []);
  assert.deepEqual([row?.count, row?.firstSeen, row?.lastSeen], [200_000, -5, 199_999]);
});
