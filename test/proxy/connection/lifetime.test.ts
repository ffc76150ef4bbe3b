/** `--lifetime`: what never ends by itself is ended with its connection's age, and a right that is lost meanwhile is what is recorded. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../../support/application/application.ts";
import { switchFor } from "../../support/application/websocket-switch.ts";
import { connect, exchange, readToEnd } from "../../support/caller/caller.ts";
import { FrameCaller, namesOf } from "../../support/caller/http2-by-hand.ts";
import { FLAG, frame, FRAME, headerBlock, REQUEST, request } from "../../support/caller/http2-frames.ts";
import { http, policy, range } from "../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../support/process/sidecar.ts";
import { until } from "../../support/until.ts";

const REMOVED = "127.0.0.10";
let application: TestApplication;
let sidecar: TestSidecar;

before(async () => {
  application = await startApplication((request, response) => {
    if (request.url === "/short") {
      response.end("short");
      return;
    }
    response.writeHead(200, { "content-type": request.url === "/events" ? "text/event-stream" : "text/plain" });
    response.write("first");
  });
  application.server.on("upgrade", (request, socket: Socket) => {
    socket.on("error", () => undefined);
    const key = `sec-websocket-key: ${request.headers["sec-websocket-key"]}`;
    socket.resume().write(`${switchFor(key)}first`);
  });
  sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: ["--lifetime=1500ms", "--revoke-grace=4s"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

const plain = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
const UPGRADE =
  "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n";

const ENDLESS = [
  ["a WebSocket", UPGRADE],
  ["an event stream", plain("/events")],
  ["a response without end", plain("/")],
] as const;

for (const [name, bytes] of ENDLESS)
  test(`${name} over HTTP/1.1 is cut when its connection is old`, async () => {
    const socket = await connect({ port: sidecar.port() });
    const from = sidecar.log.lines.length;
    socket.write(bytes);
    const { text, end } = await readToEnd(socket);
    assert.match(text, /first/);
    assert.equal(end, "ECONNRESET");
    await sidecar.log.next({ event: "connection", end: "lifetime-reached" }, { from });
  });

/** Old between two looks, and idle until after it: the look is once a second. */
const LATE_MS = [1_500, 1_650, 1_800, 1_950, 2_100, 2_250, 2_400];

for (const [name, bytes] of ENDLESS)
  test(`${name} that begins when its connection is old already, and was idle, is ended too`, async () => {
    const from = sidecar.log.lines.length;
    const seen = await Promise.all(
      LATE_MS.map(async (late) => {
        const socket = await connect({ port: sidecar.port() });
        assert.equal((await exchange(socket, { path: "/short" })).status, 200);
        const read = readToEnd(socket);
        setTimeout(() => socket.write(bytes), late);
        const { text, end } = await read;
        socket.destroy();
        return { began: text.includes("first"), end };
      }),
    );
    // Closed before it could begin, or cut.
    assert.ok(
      seen.some(({ began }) => began),
      JSON.stringify(seen),
    );
    for (const { began, end } of seen) if (began) assert.equal(end, "ECONNRESET");
    await until("each connection has its record", () => endsSince(from).length === LATE_MS.length);
    assert.deepEqual(new Set(endsSince(from)), new Set(["lifetime-reached"]));
  });

test("endless streams over HTTP/2 are reset, after GOAWAY", async () => {
  using caller = await FrameCaller.connect(sidecar.port());
  const from = sidecar.log.lines.length;
  const events = REQUEST.map(([name, value]) => [name, name === ":path" ? "/events" : value] as const);
  caller.send(
    request(1, events),
    frame(
      FRAME.headers,
      FLAG.endHeaders,
      3,
      headerBlock([
        [":method", "CONNECT"],
        [":protocol", "websocket"],
        [":scheme", "http"],
        [":authority", "a"],
        [":path", "/"],
      ]),
    ),
  );
  for (const stream of [1, 3]) {
    await caller.until((received) => received.type === FRAME.resetStream && received.stream === stream);
    const names = namesOf(caller.frames, stream);
    assert.deepEqual(names.slice(0, 2), ["HEADERS", "DATA"]);
    assert.match(names.at(-1) ?? "", /^RST_STREAM [1-9]/);
    assert.ok(!names.includes("END_STREAM"), names.join(" "));
  }
  assert.ok(namesOf(caller.frames).includes("GOAWAY"));
  await sidecar.log.next({ event: "connection", end: "lifetime-reached" }, { from });
});

function endsSince(from: number): readonly unknown[] {
  return sidecar.log.lines.slice(from).flatMap(({ event, end }) => (event === "connection" ? [end] : []));
}

test("a right that is lost while an old connection finishes is what its record says", async () => {
  const socket = await connect({ port: sidecar.port(), from: REMOVED });
  const from = sidecar.log.lines.length;
  socket.write(plain("/"));
  await once(socket, "data");
  const read = readToEnd(socket);
  for (;;) {
    const { connections } = await sidecar.adminJson<{
      readonly connections: readonly { readonly address: string; readonly state: string }[];
    }>("/connections");
    const row = connections.find(({ address }) => address === REMOVED);
    assert.ok(row !== undefined, "it has ended before its right was taken");
    if (row.state === "ending") break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await sidecar.apply([policy([http], [range("127.0.0.1/32")])]);
  await read;
  await sidecar.log.next({ event: "connection", end: "revoked", address: REMOVED }, { from });
  assert.equal(sidecar.log.all({ event: "connection", address: REMOVED }).length, 1);
});
