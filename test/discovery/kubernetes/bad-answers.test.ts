/** Answers that no server should give, and refusals that every server gives some day. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isWatch, type Call } from "../../support/api-server/call.ts";
import { Follower, type FollowerOptions } from "../../support/api-server/follower.ts";
import type { Intervention } from "../../support/api-server/stand-in.ts";
import { BROKEN, EXPIRED, THROTTLED, type Refusal } from "../../support/api-server/status-answers.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { EDGE, OTHER, edgeSlice, letIn, sliceOf } from "./suite/objects.ts";
import { MOST_CONNECTIONS } from "../../support/api-server/link.ts";

/** A follower that has the gateway in force and watches policies, own slices and the gateway's. */
async function inForce(cluster: StandInCluster, options: Partial<FollowerOptions> = {}): Promise<Follower> {
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  const follower = await Follower.start({ credentials: cluster.credentials(), ...options });
  await follower.until("the gateway is let in", () => follower.allows(EDGE) && cluster.server.watches.length === 3);
  return follower;
}

const ofGateways = (call: Call): boolean => call.path.includes("/namespaces/gateways/");
const ofPolicies = (call: Call): boolean => call.path.includes("openservicemesh.io");

function refuse(refusal: Refusal): Intervention {
  return { kind: "refuse", refusal };
}

/** Watches of the gateways' slices, from here on, say this and end. */
function spoil(cluster: StandInCluster, text: string): void {
  for (const watch of cluster.server.watches) {
    if (watch.request.namespace !== "gateways") continue;
    watch.raw(text);
    watch.end();
  }
}

for (const [what, text] of [
  ["a line that is cut off", '{"type":"ADDED","object":{"kind":"EndpointSl'],
  ["a line that is no JSON", "upstream connect error or disconnect/reset before headers\n"],
  ["a line that is no event", '{"kind":"Status","code":500}\n'],
  ["an event of an unknown type", '{"type":"REVISED","object":{"metadata":{"name":"x","resourceVersion":"9"}}}\n'],
  ["an event without a version", '{"type":"ADDED","object":{"metadata":{"name":"x"}}}\n'],
] as const) {
  test(`after ${what} everything is listed again, because what was lost is unknown`, async () => {
    await using cluster = await StandInCluster.start();
    await using follower = await inForce(cluster);
    const lists = follower.counted("list");
    for (const watch of cluster.server.watches) watch.stalled = true;
    await cluster.api.replace(edgeSlice(OTHER));
    spoil(cluster, text);
    await follower.until("the missed change is known", () => follower.allows(OTHER) && !follower.allows(EDGE));
    assert.equal(follower.failures("malformed"), 1);
    assert.equal(follower.counted("list"), lists + 1);
    assert.ok(follower.said(/could not be read/));
  });
}

test("fields that nobody knows yet change nothing", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  for (const watch of cluster.server.watches)
    watch.event("BOOKMARK", { futureField: [1], metadata: { resourceVersion: "90000", unknown: {} } });
  const odd = { ...edgeSlice(OTHER), futureField: { deep: true } };
  await cluster.api.replace(odd);
  await follower.until("the change is followed", () => follower.allows(OTHER));
  assert.equal(follower.failures("malformed"), 0);
});

test("a page of HTML in place of a list is an error of its own, and the last good data stands", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  cluster.server.intervene = () => ({ kind: "body", text: "<html>captive portal</html>" });
  cluster.link.cut();
  await follower.until("it is noticed", () => follower.failures("malformed") > 2);
  assert.ok(follower.allows(EDGE));
});

test("410 again and again: the copy stands, and the tries become rare", async () => {
  await using cluster = await StandInCluster.start();
  const timing = { backoffBaseMs: 50, backoffCapMs: 400 };
  await using follower = await inForce(cluster, { timing, random: () => 1 });
  cluster.server.intervene = (call) => (isWatch(call) ? refuse(EXPIRED) : undefined);
  const calls = cluster.server.calls.length;
  cluster.server.endWatches();
  await follower.until("it expired five times", () => follower.counted("expired") >= 15, 10_000);
  assert.ok(follower.allows(EDGE));
  assert.ok(follower.said(/behind the server's history/));
  // Three reflectors that list and watch once a try, and the first watch without a list.
  assert.ok(cluster.server.calls.length - calls <= 3 * 2 * 8, "a try is followed by a growing wait");
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("even so a change arrives, with the next list", () => follower.allows(OTHER));
});

test("410 inside a stream is answered by one list, swapped in whole", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  const worlds = follower.worlds.length;
  for (const watch of cluster.server.watches) watch.stalled = true;
  await cluster.api.replace(edgeSlice(OTHER));
  for (const watch of cluster.server.watches) watch.fail(EXPIRED);
  await follower.until("the present is known", () => follower.allows(OTHER));
  assert.equal(follower.worlds.length, worlds + 1, "there was no moment without either");
});

test("a list whose pages expire under way is begun anew", async () => {
  await using cluster = await StandInCluster.start();
  let expired = 0;
  cluster.server.intervene = ({ query }) => {
    if (query.get("continue") === null || expired > 0) return undefined;
    expired += 1;
    return refuse(EXPIRED);
  };
  const slices = Array.from({ length: 250 }, (_, index) =>
    sliceOf("gateways/edge", `edge-${String(index)}`, [`10.98.${String(index)}.1`]),
  );
  await cluster.api.apply(letIn("gateways/edge"), ...slices);
  await using follower = await Follower.start({ credentials: cluster.credentials() });
  await follower.until("all of them are let in", () => follower.allows("10.98.249.1"));
  assert.equal(follower.counted("expired"), 1);
  assert.ok(follower.allows("10.98.0.1"));
});

test("429: the server's Retry-After is kept, and the watch goes on where it was", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  const lists = follower.counted("list");
  let refusals = 0;
  cluster.server.intervene = (call) => {
    if (!isWatch(call) || !ofGateways(call) || refusals > 0) return undefined;
    refusals += 1;
    return refuse(THROTTLED);
  };
  const before = performance.now();
  cluster.server.endWatches();
  await follower.until("it is told to slow down", () => follower.failures("throttled") === 1);
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("the change arrives", () => follower.allows(OTHER));
  assert.ok(performance.now() - before >= 1_000, "not before the second that was asked for");
  assert.equal(follower.counted("list"), lists);
  assert.ok(follower.said(/asks us to slow down/));
});

test("a server that fails keeps the last good data in force", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  cluster.server.intervene = () => refuse(BROKEN);
  cluster.server.endWatches();
  await follower.until("it is told", () => follower.failures("server-error") > 3);
  assert.ok(follower.said(/the API server failed/));
  assert.ok(follower.allows(EDGE));
  cluster.server.intervene = () => undefined;
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("it recovers", () => follower.allows(OTHER));
});

test("a slow list is waited for; one that never comes is given up", async () => {
  await using cluster = await StandInCluster.start();
  cluster.server.intervene = () => ({ kind: "late", byMs: 300 });
  await using follower = await inForce(cluster, { timing: { answerTimeoutMs: 1_000 } });
  assert.equal(follower.failures("timeout"), 0);
  cluster.server.intervene = () => ({ kind: "hang" });
  cluster.server.endWatches();
  await follower.until("it is given up", () => follower.failures("timeout") > 0, 10_000);
  assert.ok(follower.allows(EDGE));
  assert.ok(follower.said(/did not answer in time/));
  cluster.server.intervene = () => undefined;
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("it recovers", () => follower.allows(OTHER), 10_000);
});

test("a watch without even a bookmark is given up, though the connection lives", async () => {
  await using cluster = await StandInCluster.start({ bookmarkEveryMs: 50 });
  await using follower = await inForce(cluster, { timing: { watchSilenceMs: 300 } });
  for (const watch of cluster.server.watches) watch.stalled = watch.request.namespace === "gateways";
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("the change is known all the same", () => follower.allows(OTHER));
  assert.equal(follower.failures("stalled"), 1, "bookmarks keep the others");
  assert.ok(cluster.link.accepted <= MOST_CONNECTIONS, "only the stream was given up");
});

test("403 on one source closes that source alone, and names what to apply", async () => {
  await using cluster = await StandInCluster.start();
  const second = sliceOf("gateways2/spare", "spare-1", [OTHER]);
  await cluster.api.apply(letIn("gateways/edge", "gateways2/spare"), edgeSlice(EDGE), second);
  const credentials = cluster.credentials();
  cluster.server.accounts.grant(credentials.token, {
    name: "bound-per-namespace",
    may: ({ namespace }) => namespace !== "gateways2",
  });
  await using follower = await Follower.start({ credentials });
  await follower.until("the other source is let in", () => follower.allows(EDGE));
  assert.equal(follower.allows(OTHER), false);
  assert.ok(follower.said(/gateways2\/spare: .*\(403\); apply config\/kubernetes/));
  assert.equal(
    follower.snapshot.statuses[0]?.reason,
    "source service gateways2/spare: endpointslices gateways2/spare may not be read: the API server forbids it (403)",
  );
  cluster.server.accounts.grant(credentials.token, { name: "bound-for-all", may: () => true });
  await follower.until("it opens once the role is bound", () => follower.allows(OTHER));
});

test("where lists are answered and watches refused, lists follow the changes, and the log says so once", async () => {
  await using cluster = await StandInCluster.start();
  cluster.server.intervene = (call) =>
    ofGateways(call) && isWatch(call)
      ? refuse({ status: 403, reason: "Forbidden", message: "cannot watch resource" })
      : undefined;
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  await using follower = await Follower.start({
    credentials: cluster.credentials(),
    // On a busy machine two lists may be further apart than the grace of other tests, which would close the source.
    timing: { forbiddenGraceMs: 60_000 },
  });
  await follower.until("it was refused again and again", () => follower.failures("forbidden") >= 5);
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("a list brought the change", () => follower.allows(OTHER) && !follower.allows(EDGE));
  const lines = follower.lines.filter(({ resource }) => resource === "endpointslices gateways/edge");
  assert.deepEqual(
    lines.map(({ event }) => event),
    ["discovery-forbidden"],
  );
});

test("a definition that is not installed is an empty one, and the log names the file to apply", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.definePolicies(false);
  await using follower = await Follower.start({ credentials: cluster.credentials() });
  await follower.until("it is told", () => follower.said(/kubectl apply -f config\/crd\//) !== undefined);
  await follower.until("an empty world is published", () => follower.worlds.length === 1);
  assert.equal(follower.snapshot.rules.size, 0);
  assert.ok(cluster.server.calls.filter(ofPolicies).length < 5, "it is looked for at a slow pace");
});

test("a 404 that passes is no reason to forget the policies", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster, { timing: { absentConfirmMs: 5_000 } });
  cluster.server.intervene = (call) =>
    ofPolicies(call)
      ? { kind: "refuse", refusal: { status: 404, reason: "NotFound", message: "404 page not found" } }
      : undefined;
  cluster.server.endWatches();
  await follower.until("it was met a few times", () => follower.failures("absent") > 2);
  assert.ok(follower.allows(EDGE));
  cluster.server.intervene = () => undefined;
  await follower.until("it is over", () => follower.health("ingressbackends")?.failure === undefined);
  assert.ok(follower.allows(EDGE));
});

test("a server that speaks only HTTP/1.1 is followed too", async () => {
  await using cluster = await StandInCluster.start({ http2: false });
  await using follower = await inForce(cluster);
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("the change is followed", () => follower.allows(OTHER) && !follower.allows(EDGE));
});
