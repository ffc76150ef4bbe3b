/** Servers that go, come back, come back with another past, and fall silent: the same answers from every API server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../../support/api-server/follower.ts";
import type { TestCluster } from "../../../support/api-server/test-cluster.ts";
import { EDGE, OTHER, edgeSlice, letIn } from "./objects.ts";
import { MOST_CONNECTIONS } from "../../../support/api-server/link.ts";

/** Pings that miss an answer soon, so that a dead wire is noticed in a test's time. */
export const IMPATIENT = { pingIntervalMs: 100, pingDeadlineMs: 500, connectTimeoutMs: 1_000 };

/** A restart of the real server takes seconds. */
const RESTART_MS = 60_000;

export function outages(use: () => Promise<TestCluster>): void {
  test("a server that is down at the start keeps everything closed, and is found when it comes", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await cluster.link.remove();
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the trouble is told", () => follower.said(/cannot be reached/) !== undefined);
    assert.equal(follower.worlds.length, 0);
    assert.equal(follower.health("ingressbackends")?.synced, false);
    assert.match(follower.health("ingressbackends")?.failure ?? "", /unreachable/);
    await cluster.link.restore();
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    assert.equal(follower.health("ingressbackends")?.failure, undefined);
    await follower.until("the recovery is told", () => follower.said(/current again/) !== undefined);
  });

  test("a wire that is cut costs nothing that was known, and what changed meanwhile is caught up", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    await cluster.link.remove();
    await cluster.api.replace(edgeSlice(OTHER));
    await follower.until("the loss is noticed", () => follower.failures("unreachable") > 0);
    assert.ok(follower.allows(EDGE), "the last good data stands");
    await cluster.link.restore();
    await follower.until("the change is caught up", () => follower.allows(OTHER) && !follower.allows(EDGE));
    await follower.until("one connection again", () => follower.discovery.counts().openConnections === 1);
  });

  test("while the server is away one connection is tried at a time, for all that is watched together", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    // Waits that are long beside what a busy machine adds to a timer.
    const timing = { backoffBaseMs: 200, backoffCapMs: 200 };
    await using follower = await Follower.start({ credentials: cluster.credentials(), timing, random: () => 0.9 });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    const before = { accepted: cluster.link.accepted, failures: follower.failures("unreachable") };
    cluster.link.barred = true;
    cluster.link.cut();
    await follower.until("it was tried often", () => follower.failures("unreachable") >= before.failures + 30, 15_000);
    const tried = cluster.link.accepted - before.accepted;
    const failed = follower.failures("unreachable") - before.failures;
    // Three are watched. A timer that goes off a moment early may dial once more.
    assert.ok(tried > 0 && tried * 2 <= failed, `${tried} connections for ${failed} failures`);
    cluster.link.barred = false;
    await cluster.api.replace(edgeSlice(OTHER));
    await follower.until("the change is caught up", () => follower.allows(OTHER) && !follower.allows(EDGE));
  });

  test("a server that is killed and started again is followed on", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    await cluster.restart();
    assert.ok(follower.allows(EDGE));
    await cluster.api.replace(edgeSlice(EDGE, OTHER));
    await follower.until("a change after the restart arrives", () => follower.allows(OTHER), RESTART_MS);
  });

  test("a server that comes back with an empty etcd has the last word: nobody is let in", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    const credentials = cluster.credentials();
    await using follower = await Follower.start({ credentials });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    await cluster.restartEmpty();
    // The account is a new one, as its token is; until then 401 keeps what was known.
    credentials.token = cluster.credentials().token;
    await follower.until("its emptiness is believed", () => !follower.allows(EDGE), RESTART_MS);
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(OTHER));
    await follower.until("the new history is followed", () => follower.allows(OTHER), RESTART_MS);
  });

  test("history that is compacted while we were away is no loss", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    await cluster.link.remove();
    await cluster.api.replace(edgeSlice("10.99.0.12"));
    await cluster.api.replace(edgeSlice(OTHER));
    await cluster.compact();
    await cluster.restart();
    await cluster.link.restore();
    await follower.until("the present is known", () => follower.allows(OTHER) && !follower.allows(EDGE), RESTART_MS);
    assert.equal(follower.allows("10.99.0.12"), false);
  });

  test("a silent wire is noticed, and the last good data stands meanwhile", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials(), timing: IMPATIENT });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    cluster.link.freeze();
    await cluster.api.replace(edgeSlice(OTHER));
    await follower.until("the silence is noticed", () => follower.failures("stalled") > 0);
    assert.ok(follower.said(/went silent/));
    assert.ok(follower.allows(EDGE));
    cluster.link.thaw();
    await follower.until("the change is caught up", () => follower.allows(OTHER) && !follower.allows(EDGE));
  });

  test("watches that the server ends in good order are resumed without a new list", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    const timing = { watchSecondsMin: 1, watchSecondsMax: 1, healthyAfterMs: 500 };
    await using follower = await Follower.start({ credentials: cluster.credentials(), timing });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    const [lists, watches] = [follower.counted("list"), follower.counted("watch")];
    await follower.until("every watch ended once", () => follower.counted("watch") >= watches * 2, 10_000);
    await cluster.api.replace(edgeSlice(OTHER));
    await follower.until("a change is followed all the same", () => follower.allows(OTHER));
    assert.equal(follower.counted("list"), lists);
    assert.ok(cluster.link.accepted <= MOST_CONNECTIONS);
  });

  test("a definition that is deleted takes its policies along, and one that is made again brings none", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    await cluster.definePolicies(false);
    await follower.until("nobody is let in", () => !follower.allows(EDGE), 10_000);
    await follower.until("it is told what to install", () => follower.said(/install the CRD/) !== undefined, 10_000);
    await cluster.definePolicies(true);
    await follower.until(
      "the definition is found",
      () => follower.health("ingressbackends")?.failure === undefined,
      10_000,
    );
    assert.equal(follower.allows(EDGE), false);
    await cluster.api.apply(letIn("gateways/edge"));
    await follower.until("a new policy is in force", () => follower.allows(EDGE));
  });
}
