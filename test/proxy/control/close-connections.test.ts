import assert from "node:assert/strict";
import { Session } from "node:inspector";
import { mock, test } from "node:test";
import { Worker } from "node:worker_threads";
import { closeConnections } from "../../../src/proxy/control/close-connections.ts";

test("a process that cannot connect to its inspector is no rejection", async () => {
  const connect = mock.method(Session.prototype, "connect", () => {
    throw new Error("thrown by the test");
  });
  const worker = new Worker("", { eval: true });
  try {
    await closeConnections(worker);
    assert.equal(connect.mock.callCount(), 1);
  } finally {
    connect.mock.restore();
    await worker.terminate();
  }
});
