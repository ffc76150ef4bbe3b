/** Node keeps in memory, without a bound, what a pipe does not take. */
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { call } from "../support/caller/caller.ts";
import { http, policy, range } from "../support/mesh/objects.ts";
import { NamedPipe } from "../support/process/named-pipe.ts";
import { until } from "../support/until.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";

/** Its connections are kept, and have no lines, until a test is over. */
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
after(() => agent.destroy());

/** Makes lines of ten thousand characters. */
const USER_AGENT = "x".repeat(10_000);
const REQUESTS = 3_000;
/** What may wait: of the thread, of the control side, of the pipe and of its reader. */
const MOST_KEPT = (4 + 1) * 1024 * 1024 + 256 * 1024;

test("while nobody reads the output requests go on, and what was kept and what was lost add up", async () => {
  using pipe = new NamedPipe();
  await using application = await startApplication();
  await using sidecar = await startPiped(pipe, application.port);
  pipe.reader.pause();
  assert.equal(await load(sidecar.port(), REQUESTS), REQUESTS);
  assert.equal((await sidecar.admin("/readyz")).status, 200);
  const dropped = await droppedLines(sidecar);
  assert.ok(dropped > REQUESTS / 2, `${dropped} dropped`);

  let kept = 0;
  pipe.reader.on("data", (chunk: Buffer) => {
    kept += chunk.length;
  });
  pipe.reader.resume();
  const said = await sidecar.log.next((line) => String(line["message"]).startsWith("log lines were lost"));
  assert.equal(said["lines"], dropped);
  assert.ok(kept < MOST_KEPT, `${kept} bytes`);
  assert.equal(sidecar.log.all({ event: "request" }).length, REQUESTS - dropped);

  await call({ port: sidecar.port(), path: "/after" });
  await sidecar.log.next({ event: "request", path: "/after" });
  assert.equal(await droppedLines(sidecar), dropped);
  assert.deepEqual(sidecar.log.foreign, []);
});

test("a process whose output nobody reads ends when it is asked to, with nothing cut", async () => {
  using pipe = new NamedPipe();
  await using application = await startApplication();
  await using sidecar = await startPiped(pipe, application.port);
  pipe.reader.pause();
  assert.equal(await load(sidecar.port(), 100), 100);
  assert.equal(await sidecar.stop(), 0);
});

test("the last lines of a process come out although its reader was slow", async () => {
  using pipe = new NamedPipe();
  await using application = await startApplication();
  await using sidecar = await startPiped(pipe, application.port);
  pipe.reader.pause();
  await load(sidecar.port(), 300);
  sidecar.child.kill("SIGTERM");
  await until("its admin server is closed", () =>
    sidecar.admin("/livez").then(
      () => false,
      () => true,
    ),
  );
  pipe.reader.resume();
  await sidecar.log.next({ message: "drained" });
  assert.equal(sidecar.log.all({ event: "request" }).length, 300);
});

async function startPiped(pipe: NamedPipe, app: number): Promise<TestSidecar> {
  try {
    return await startSidecar({
      manifests: [policy([http], [range("127.0.0.1/32")])],
      backends: [{ app }],
      stdout: pipe,
    });
  } finally {
    pipe.handedOver();
  }
}

/** @returns how many were answered by 200 */
async function load(port: number, requests: number): Promise<number> {
  const get = (): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ port, host: "127.0.0.1", agent, headers: { "user-agent": USER_AGENT } }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      })
        .on("error", reject)
        .end();
    });
  const statuses = await Promise.all(Array.from({ length: requests }, get));
  return statuses.filter((status) => status === 200).length;
}

async function droppedLines(sidecar: TestSidecar): Promise<number> {
  const text = await (await sidecar.admin("/metrics")).text();
  return Number(/^postern_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
}
