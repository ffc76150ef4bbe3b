/**
 * A worker that has ended reads its sockets once more without JavaScript: HTTP/2 requests with a body that wait there end the
 * whole process, unless the connections are closed before (nodejs/node#38418).
 */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startApplication } from "../support/application/application.ts";
import { tryCall } from "../support/caller/caller.ts";
import { FrameCaller } from "../support/caller/http2-by-hand.ts";
import { request } from "../support/caller/http2-frames.ts";
import { TestMesh } from "../support/mesh/mesh.ts";
import { http, policy, range, serverOnly } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { until } from "../support/until.ts";
import { doom } from "../support/thread/doom.ts";

const CALLERS = 8;
const REQUESTS = 20;
const BODY = Buffer.alloc(100);
/** Heartbeats that are missed, and a busy machine. */
const UNTIL_LOST = 60_000;

for (const kind of ["throw", "hang"])
  for (const [name, backend] of Object.entries({ plaintext: http, TLS: serverOnly }))
    test(`a thread that is told to ${kind} while HTTP/2 requests over ${name} wait in it is replaced, and the process lives on`, async () => {
      const mesh = await TestMesh.create();
      await using application = await startApplication((_, response) => response.end());
      using directory = temporaryDirectory();
      const file = join(directory.path, "doom");
      await using sidecar = await startSidecar({
        manifests: [policy([backend], [range("127.0.0.0/8")])],
        backends: [{ app: application.port }],
        workers: 1,
        env: doom(file),
        tls: mesh.own,
      });
      const tls = backend === http ? undefined : { ca: mesh.authority.certPem };
      const port = sidecar.port();
      const callers = await Promise.all(Array.from({ length: CALLERS }, () => FrameCaller.connect(port, tls)));

      writeFileSync(file, `0 ${kind}`);
      while (existsSync(file)) await delay(5);
      for (const caller of callers)
        caller.send(...Array.from({ length: REQUESTS }, (_, index) => request(1 + 2 * index, undefined, BODY)));
      const lost = { message: "data-plane thread lost; it is replaced" };
      await sidecar.log.next(lost, { timeoutMs: UNTIL_LOST });
      await until("its successor serves", async () => {
        assert.ok(sidecar.running, `the sidecar has ended:\n${sidecar.log.toString()}`);
        const told = await tryCall({ port, ...(tls && { tls }) });
        return "status" in told && told.status === 200;
      });
      for (const caller of callers) caller[Symbol.dispose]();
      assert.equal(await sidecar.stop(), 0);
    });
