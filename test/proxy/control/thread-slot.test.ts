import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_COUNTERS } from "../../../src/proxy/counters.ts";
import type { ThreadEvents, ThreadHandle } from "../../../src/proxy/control/thread-handle.ts";
import { ThreadSlot, type ThreadReplaced } from "../../../src/proxy/control/thread-slot.ts";
import { UNHEARD } from "../../support/thread/traffic.ts";

test("a worker that cannot be started is reported and tried again, each time later than before", async () => {
  const reported: ThreadReplaced[] = [];
  const handles: ThreadHandle[] = [];
  const started = Promise.withResolvers<void>();
  let failures = 2;
  let events: ThreadEvents | undefined;
  const slot = new ThreadSlot({
    start: (given) => {
      if (handles.length > 0 && failures > 0) {
        failures -= 1;
        throw new Error("no thread for the test");
      }
      events = given;
      const handle = { startedAt: Date.now(), lastCounters: NO_COUNTERS } as ThreadHandle;
      handles.push(handle);
      if (handles.length === 2) setImmediate(started.resolve);
      return handle;
    },
    events: {
      ...UNHEARD,
      onListening: () => undefined,
      onProblem: () => undefined,
      onTicketProblem: () => undefined,
      onStuck: () => undefined,
    },
    replaceDeadlineMs: 0,
    onLost: () => true,
    onLag: () => false,
    onReplaced: (reason) => reported.push(reason),
  });
  events?.onLost(new Error("lost by the test"));
  await started.promise;
  assert.deepEqual(
    reported.map((reason) => reason.kind === "lost" && [reason.cause.message, reason.restartInMs]),
    [
      ["lost by the test", 100],
      ["could not be started: no thread for the test", 200],
      ["could not be started: no thread for the test", 400],
    ],
  );
  assert.equal(slot.current, handles[1]);
  assert.equal(slot.restarts, 1);
});
