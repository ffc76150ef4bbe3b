/** A listener lives as long as its thread: connections that the kernel gives to a stuck one would wait for ever. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { connect, exchange } from "../support/caller/caller.ts";
import { http, policy, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const CALLERS = 16;
/** Heartbeats that are missed, and the time that a dead thread has to be gone. */
const UNTIL_ENDED = 30_000;

test("a thread inside a native call that never returns: it is replaced, then the process drains and exits with 1", async () => {
  await using application = await startApplication((request, response) => response.end(request.url));
  using directory = temporaryDirectory();
  const fifo = join(directory.path, "fifo");
  const preload = new URL("../support/thread/stuck-thread.ts", import.meta.url).href;
  await using sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    workers: 2,
    env: { NODE_OPTIONS: `--import=${preload}`, STUCK_AT: fifo },
  });
  const callers = await Promise.all(Array.from({ length: CALLERS }, () => connect({ port: sidecar.port() })));
  const served = new Set<number>();
  for (const caller of callers) {
    caller.on("error", () => undefined);
    assert.equal((await exchange(caller, { path: `/${caller.localPort}` })).status, 200);
  }
  const lines = await Promise.all(
    callers.map(({ localPort }) => sidecar.log.next({ event: "request", path: `/${localPort}` })),
  );
  lines.forEach((line, index) => line["thread"] === 1 && served.add(index));
  assert.ok(served.size > 0 && served.size < CALLERS, "both threads have callers");

  execFileSync("mkfifo", [fifo]);
  const lost = await sidecar.log.next(
    { message: "data-plane thread lost; it is replaced" },
    { timeoutMs: UNTIL_ENDED },
  );
  assert.equal(lost["thread"], 0);
  for (const index of served) assert.equal((await exchange(callers[index]!, { path: "/still" })).body, "/still");
  await sidecar.log.next(
    { message: "lost data-plane thread cannot be ended, and takes connections; the process ends" },
    { timeoutMs: UNTIL_ENDED },
  );
  assert.deepEqual(await sidecar.exited(), { code: 1, signal: null });
  assert.deepEqual(
    sidecar.log.all({ message: "drained" }).map(({ cut }) => cut),
    [0],
  );
  for (const caller of callers) caller.destroy();
});
