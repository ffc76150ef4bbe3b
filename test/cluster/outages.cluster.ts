import assert from "node:assert/strict";
import { test } from "node:test";
import { IMPATIENT, outages } from "../discovery/kubernetes/suite/outages.ts";
import { EDGE, OTHER, edgeSlice, letIn } from "../discovery/kubernetes/suite/objects.ts";
import { Follower } from "../support/api-server/follower.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

outages(() => cluster().borrow());

test("a process that is stopped, while its kernel still takes connections and bytes, is given up and found again", async () => {
  await using borrowed = await cluster().borrow();
  await borrowed.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  await using follower = await Follower.start({ credentials: borrowed.credentials(), timing: IMPATIENT });
  await follower.until("the gateway is let in", () => follower.allows(EDGE));
  cluster().plane.pauseApiServer();
  try {
    await follower.until("the silence is noticed", () => follower.failures("stalled") > 0);
    // Its kernel completes the TCP handshake of the next attempts; nobody answers the TLS one.
    await follower.until("so are the attempts after it", () => follower.failures("timeout") > 0, 10_000);
    assert.ok(follower.allows(EDGE), "the last good data stands");
  } finally {
    cluster().plane.resumeApiServer();
  }
  await borrowed.api.replace(edgeSlice(OTHER));
  await follower.until("the change is caught up", () => follower.allows(OTHER) && !follower.allows(EDGE), 20_000);
  await follower.until("one connection again", () => follower.discovery.counts().openConnections === 1);
});
