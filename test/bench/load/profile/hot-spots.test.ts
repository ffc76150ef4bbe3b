import assert from "node:assert/strict";
import { test } from "node:test";
import { hotSpots } from "../../../../bench/load/profile/hot-spots.ts";

const frame = (functionName: string, url = "") => ({ functionName, url });

test("hotSpots() adds up the samples of a function wherever it was called from", () => {
  const profile = {
    nodes: [
      { id: 1, callFrame: frame("(garbage collector)") },
      { id: 2, callFrame: frame("write", "node:net") },
      { id: 3, callFrame: frame("", "file:///app/src/proxy/relay.ts") },
      { id: 4, callFrame: frame("write", "node:net") },
    ],
    samples: [1, 2, 3, 4],
    timeDeltas: [100, 300, 150, 450],
  };
  assert.deepEqual(hotSpots(profile, 2), [
    { name: "write node:net", share: 0.75 },
    { name: "(anonymous) relay.ts", share: 0.15 },
  ]);
});
