/** The data-plane thread as it is, which can be told to fail in the ways that a fault of ours or of Node would. */
import { BroadcastChannel, workerData } from "node:worker_threads";
import { FAULTS, type Fault } from "./faults.ts";

const channel = new BroadcastChannel(FAULTS);
channel.addEventListener("message", (event) => {
  const { thread, kind } = (event as Event & { readonly data: Fault }).data;
  if (thread !== (workerData as { readonly thread: number }).thread) return;
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

await import("../../../src/proxy/thread/thread.ts");
