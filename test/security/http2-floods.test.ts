/** Floods of HTTP/2: rapid reset (CVE-2023-44487), CONTINUATION (CVE-2024-27316), SETTINGS, PING, resets by error. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { Target } from "../support/caller/attack.ts";
import { connect } from "../support/caller/caller.ts";
import { FLAG, frame, FRAME, headerBlock, PREFACE, request, REQUEST } from "../support/caller/http2-frames.ts";
import { until } from "../support/until.ts";

let target: Target;

before(async () => {
  target = await Target.start(["--header-timeout=2s"]);
});

after(() => target?.[Symbol.asyncDispose]());

function residentMiB(): number {
  const status = readFileSync(`/proc/${target.sidecar.child.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

/** Writes until the other side ends the connection, stops reading or has everything. @returns the socket, which may be ended */
async function flood(parts: Iterable<Buffer>, read: boolean): Promise<Socket> {
  const socket: Socket = await connect({ port: target.port });
  let ended = false;
  socket.on("error", () => (ended = true));
  socket.on("close", () => (ended = true));
  socket.on("end", () => (ended = true));
  if (read) socket.resume();
  socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
  let stalls = 0;
  for (const part of parts) {
    // A side that does not read any more is a side that defends itself.
    if (ended || stalls >= 3) break;
    if (!socket.write(part)) {
      const startedAt = performance.now();
      await Promise.race([
        new Promise((resolve) => socket.once("drain", resolve)),
        new Promise((resolve) => socket.once("close", resolve)),
        new Promise((resolve) => setTimeout(resolve, 500)),
      ]);
      if (performance.now() - startedAt > 450) stalls += 1;
    }
  }
  return socket;
}

/** The other side ends what floods it. */
async function endsFlood(parts: Iterable<Buffer>): Promise<void> {
  const socket = await flood(parts, true);
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve).end());
}

function* repeat(count: number, part: (index: number) => Buffer): Generator<Buffer> {
  for (let index = 0; index < count; index += 1) yield part(index);
}

const reset = (stream: number): Buffer => frame(FRAME.resetStream, 0, stream, Buffer.from([0, 0, 0, 8]));

test("rapid reset ends the connection before 5,000 of its 30,000 requests reach the application", async () => {
  const before = target.recorder.requests.length;
  const batch = (index: number): Buffer =>
    Buffer.concat(
      Array.from({ length: 100 }, (_, inner) => {
        const stream = (index * 100 + inner) * 2 + 1;
        return Buffer.concat([request(stream), reset(stream)]);
      }),
    );
  await endsFlood(repeat(300, batch));
  assert.ok(target.recorder.requests.length - before < 5_000);
  await target.provesAlive();
});

test("a header block that never ends ends its connection, and memory grows by less than 150 MiB", async () => {
  const before = residentMiB();
  const opening = frame(FRAME.headers, 0, 1, headerBlock(REQUEST));
  const more = frame(FRAME.continuation, 0, 1, headerBlock([["x", "y".repeat(16_000)]]));
  const parts = [opening, ...Array.from({ length: 4_000 }, () => more)];
  await endsFlood(parts);
  assert.ok(residentMiB() - before < 150, `${before} to ${residentMiB()} MiB`);
  await target.provesAlive();
});

const quiet: readonly (readonly [string, Buffer])[] = [
  ["SETTINGS", frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))],
  ["PING", frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
  ["PRIORITY", frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))],
  ["empty DATA on a stream that is closed", frame(FRAME.data, 0, 1)],
  ["WINDOW_UPDATE of nothing", frame(FRAME.windowUpdate, 0, 0, Buffer.alloc(4))],
  ["frames that nobody knows", frame(0x55, 0, 0, Buffer.alloc(100))],
];

for (const [name, part] of quiet) {
  test(`${name}, two hundred thousand of them, unread answers: others are served beside it, memory grows by less than 150 MiB`, async () => {
    const before = residentMiB();
    const batch = Buffer.concat(Array.from({ length: 1_000 }, () => part));
    const all = repeat(200, () => batch);
    const socket = await flood(all, false);
    await target.provesAlive();
    assert.ok(residentMiB() - before < 150, `${before} to ${residentMiB()} MiB`);
    socket.destroy();
  });
}

test("a connection that opens no stream is ended at the header timeout", async () => {
  const socket = await connect({ port: target.port });
  socket.on("error", () => undefined).resume();
  socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
  const startedAt = performance.now();
  await new Promise((resolve) => socket.once("end", resolve));
  const lasted = performance.now() - startedAt;
  assert.ok(lasted > 1_500 && lasted < 8_000, `${lasted} ms`);
  await target.provesAlive();
});

test("a header block that stops half-way is ended too", async () => {
  const socket = await connect({ port: target.port });
  socket.on("error", () => undefined).resume();
  socket.write(
    Buffer.concat([
      PREFACE,
      frame(FRAME.settings, 0, 0),
      frame(FRAME.headers, FLAG.endStream, 1, headerBlock(REQUEST)),
    ]),
  );
  await new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
  socket.destroy();
  await target.provesAlive();
});

test("none of them is left behind", async () => {
  await until("the table of connections is empty", async () => {
    const { connections } = await target.sidecar.adminJson<{ connections: readonly unknown[] }>("/connections");
    return connections.length === 0;
  });
});
