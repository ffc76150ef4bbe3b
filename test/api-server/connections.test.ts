/** The end of the client's connections under requests that nobody has ended: they fail, and no event of a socket throws. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { ApiConnections } from "../../src/api-server/connections.ts";
import { DEFAULT_TIMING } from "../../src/api-server/timing.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";

const CONNECTED = "undici:client:connected";

/** What events throw from here on: Node's runner would count it to whichever test is at work. */
function thrownIn(t: TestContext): readonly unknown[] {
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
  t.after(() => process.setUncaughtExceptionCaptureCallback(null));
  return thrown;
}

async function closeUnderRequest(t: TestContext, http2: boolean, beforeClose: (socket: Socket) => void): Promise<void> {
  await using cluster = await StandInCluster.start({ http2 });
  const asked = Promise.withResolvers<void>();
  cluster.server.intervene = () => {
    asked.resolve();
    return { kind: "hang" };
  };
  const connected = Promise.withResolvers<Socket>();
  const onConnected = (message: unknown): void => connected.resolve((message as { readonly socket: Socket }).socket);
  subscribe(CONNECTED, onConnected);
  t.after(() => unsubscribe(CONNECTED, onConnected));
  const connections = new ApiConnections({
    credentials: cluster.credentials(),
    timing: DEFAULT_TIMING,
    onConnect: () => {},
  });
  const { client } = await connections.acquire();
  const failed = assert.rejects(client.request({ path: "/api", method: "GET" }));
  const socket = await connected.promise;
  await asked.promise;

  const closed = new Promise((resolve) => socket.once("close", resolve));
  const thrown = thrownIn(t);
  beforeClose(socket);
  await connections.close();
  await Promise.all([failed, closed]);
  assert.deepEqual(thrown, []);
  assert.equal(connections.open, 0);
}

for (const http2 of [true, false]) {
  const version = `HTTP/${http2 ? "2" : "1.1"}`;
  test(`a request under way over ${version} fails with the end, and nothing throws`, async (t) => {
    await closeUnderRequest(t, http2, () => {});
  });

  test(`an end while a connection of ${version} is closing by itself throws nothing either`, async (t) => {
    await closeUnderRequest(t, http2, (socket) => socket.destroy());
  });
}

test("a quiet connection whose pings are answered is kept beyond the deadline of those that are not", async (t) => {
  await using cluster = await StandInCluster.start();
  const timing = { ...DEFAULT_TIMING, pingIntervalMs: 50, pingDeadlineMs: 1_000 };
  let connects = 0;
  const connections = new ApiConnections({
    credentials: cluster.credentials(),
    timing,
    onConnect: () => (connects += 1),
  });
  t.after(() => connections.close());
  const slot = await connections.acquire();
  const { body } = await slot.client.request({ path: "/version", method: "GET" });
  await body.dump();
  slot.release();

  const end = performance.now() + 2 * timing.pingDeadlineMs;
  while (performance.now() < end) await once(slot.client, "ping", { signal: t.signal });
  assert.equal(connections.open, 1);
  assert.equal(connects, 1);
});
