/** The end of discovery beside a server that accepts and never answers: no request outlives it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isWatch, type Call } from "../../support/api-server/call.ts";
import { Follower } from "../../support/api-server/follower.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { EDGE, edgeSlice, letIn } from "./suite/objects.ts";

/** Far above what an abort takes, far below every timeout of a request (10 s and more). */
const STOP_MS = 2_000;

/** @throws when the end takes longer */
async function stopInTime({ discovery }: Follower): Promise<void> {
  const late = new AbortController();
  const stopped = discovery.stop().then(() => true);
  const inTime = await Promise.race([stopped, delay(STOP_MS, false, { signal: late.signal })]);
  late.abort();
  assert.ok(inTime, `stop() was not done after ${STOP_MS} ms`);
}

const REQUESTS: Readonly<Record<string, (call: Call) => boolean>> = {
  "a list": (call) => call.method === "GET" && call.path.endsWith("/ingressbackends") && !isWatch(call),
  "the list of a source": (call) => call.path.includes("/namespaces/gateways/") && !isWatch(call),
  "a watch": (call) => isWatch(call),
  "reading the Lease": (call) => call.method === "GET" && call.path.includes("/leases/"),
  "making the Lease": (call) => call.method === "POST" && call.path.endsWith("/leases"),
  "giving up the Lease": (call) => call.method === "PUT" && call.path.includes("/leases/"),
  "writing a status": (call) => call.method === "PATCH" && call.path.endsWith("/status"),
  "making an Event": (call) => call.method === "POST" && call.path.endsWith("/events"),
};

for (const http2 of [true, false]) {
  for (const [what, hangs] of Object.entries(REQUESTS)) {
    test(`${what} that is never answered over HTTP/${http2 ? "2" : "1.1"} does not hold up the end`, async () => {
      await using cluster = await StandInCluster.start({ http2 });
      await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
      cluster.server.intervene = (call) => (hangs(call) ? { kind: "hang" } : undefined);
      await using follower = await Follower.start({ credentials: cluster.credentials(), random: () => 0 });
      const asked = (): boolean => cluster.server.calls.some(hangs);
      // The Lease is given up by the end itself.
      const isBegun = what === "giving up the Lease" ? () => follower.discovery.counts().statusWrites > 0 : asked;
      await follower.until("it hangs", isBegun);
      await stopInTime(follower);
      assert.ok(asked());
      await follower.until("its connections are closed", () => cluster.link.connections === 0);
    });
  }
}

test("watches that are open and quiet do not hold up the end", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  await using follower = await Follower.start({ credentials: cluster.credentials() });
  await follower.until("all is watched", () => cluster.server.watches.length === 3);
  await stopInTime(follower);
  await follower.until("its connections are closed", () => cluster.link.connections === 0);
});

test("a server that accepts and never begins its TLS handshake does not hold up the end", async () => {
  await using cluster = await StandInCluster.start();
  cluster.link.freeze();
  await using follower = await Follower.start({ credentials: cluster.credentials() });
  await follower.until("it is dialled", () => cluster.link.connections > 0);
  await stopInTime(follower);
  cluster.link.thaw();
  await follower.until("the attempt is given up", () => cluster.link.connections === 0);
});

for (const what of ["headers", "tls"] as const) {
  test(`credentials whose ${what} are never read do not hold up the end`, async () => {
    await using cluster = await StandInCluster.start();
    const credentials = cluster.credentials();
    const reading = Promise.withResolvers<void>();
    const never = (): Promise<never> => {
      reading.resolve();
      return new Promise(() => {});
    };
    Object.assign(credentials, { [what]: never });
    await using follower = await Follower.start({ credentials });
    await reading.promise;
    await stopInTime(follower);
  });
}
