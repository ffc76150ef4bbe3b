/** The data-plane thread as it is, which can be told to fail in the ways that a fault of ours or of Node would. */
import { BroadcastChannel, parentPort, workerData } from "node:worker_threads";
import { Handshakes } from "../../../src/proxy/connection/handshakes.ts";
import type { ThreadMessage, ThreadStart, ThreadWorkerData } from "../../../src/proxy/messages.ts";
import { DataThread } from "../../../src/proxy/thread/data-thread.ts";
import { FAULTS, NOT_APPLIED_BY_ANY, NOT_APPLIED_BY_THREAD_0, type Fault } from "./faults.ts";

const { thread: self } = workerData as ThreadWorkerData;
let start: ThreadStart | undefined;
// Before the thread itself hears it.
parentPort?.on("message", (message: ThreadMessage) => {
  if (message.kind === "start") ({ start } = message);
});

const channel = new BroadcastChannel(FAULTS);
channel.addEventListener("message", (event) => {
  const { thread, kind } = (event as Event & { readonly data: Fault }).data;
  if (thread !== self) return;
  setImmediate(() => fail(kind));
});

const hoard: unknown[] = [];

function fail(kind: Fault["kind"]): void {
  switch (kind) {
    case "throw":
      throw new Error("thrown by the test");
    case "reject":
      void Promise.reject(new Error("rejected by the test"));
      return;
    case "hang":
      for (;;) Math.random();
    case "heap":
      // As a leak grows: faster than its collector, V8 gives up on the process instead of the thread.
      setInterval(() => hoard.push(Array.from({ length: 20_000 }, () => ({}))), 1);
  }
}

// oxlint-disable-next-line typescript/unbound-method -- called with its object below
const { setCredentials } = Handshakes.prototype;
Handshakes.prototype.setCredentials = function failing(credentials): void {
  const generation = credentials?.generation;
  const byCommand = generation !== start?.credentials?.generation;
  if (generation === NOT_APPLIED_BY_ANY || (generation === NOT_APPLIED_BY_THREAD_0 && self === 0 && byCommand))
    throw new Error("refused by the test");
  setCredentials.call(this, credentials);
};

// oxlint-disable-next-line typescript/unbound-method -- called with its object below
const { handle } = DataThread.prototype;
DataThread.prototype.handle = function passingOver(command): void {
  if (command.kind === "snapshot" && command.snapshot.version === NOT_APPLIED_BY_THREAD_0 && self === 0) return;
  handle.call(this, command);
};

await import("../../../src/proxy/thread/thread.ts");
