/** An extended CONNECT (RFC 8441) that the application does not take costs its own stream, whatever its caller sent at once. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startTcpApplication, type TestApplication } from "../../../support/application/application.ts";
import { Neighbour, type NeighbourCall } from "../../../support/application/neighbour.ts";
import { FrameCaller } from "../../../support/caller/http2-by-hand.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { FLAG, frame, FRAME, headerBlock } from "../../../support/caller/http2-frames.ts";
import { backend, policy, range } from "../../../support/mesh/objects.ts";
import { freePorts } from "../../../support/process/ports.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";
import { until } from "../../../support/until.ts";

/** Backend port of each. */
const APPLICATIONS = { "is down": 80, resets: 81, "answers garbage": 82 } as const;
const NEIGHBOUR = 83;
const STREAMS = 40;
const CONNECTIONS = 15;

const owned = new AsyncDisposableStack();
let sidecar: TestSidecar;
let neighbour: NeighbourCall;

before(async () => {
  const [down = 0] = await freePorts(1);
  const resets = await startAfterHead((socket) => socket.resetAndDestroy());
  const garbage = await startAfterHead((socket) =>
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nSSH-2.0\r\n"),
  );
  const beside = owned.use(await Neighbour.start());
  sidecar = owned.use(
    await startSidecar({
      manifests: [80, 81, 82, 83].map((port) =>
        policy([backend("foo", port, "http")], [range("127.0.0.0/8")], `test/p${port}`),
      ),
      backends: [
        { port: 80, app: down },
        { port: 81, app: resets.port },
        { port: 82, app: garbage.port },
        { port: NEIGHBOUR, app: beside.port },
      ],
      flags: ["--access-log=true"],
    }),
  );
  neighbour = owned.use(await beside.call(sidecar, NEIGHBOUR));
});

after(() => owned.disposeAsync());

async function startAfterHead(respond: (socket: Socket) => void): Promise<TestApplication> {
  const application = await startTcpApplication((socket) => {
    let head = "";
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      head = "";
      respond(socket);
    });
  });
  return owned.use(application);
}

for (const [how, port] of Object.entries(APPLICATIONS)) {
  test(`an application that ${how}: a CONNECT with data and END_STREAM is answered, and the neighbour goes on`, async () => {
    await using caller = await Http2Caller.connect(sidecar.port(port));
    if (caller.session.remoteSettings.enableConnectProtocol !== true) await once(caller.session, "remoteSettings");
    const statuses = await Promise.all(
      Array.from({ length: STREAMS }, async () => {
        const stream = caller.open({
          ":method": "CONNECT",
          ":protocol": "websocket",
          ":scheme": "http",
          ":path": "/ws",
          "sec-websocket-version": "13",
        });
        let status = 0;
        stream.on("error", () => undefined).on("response", (headers) => (status = headers[":status"] ?? 0));
        const closed = new Promise((resolve) => stream.once("close", resolve));
        stream.resume().end("abc");
        await closed;
        return status;
      }),
    );
    // An answer is an answer, though of more bytes than it should have.
    const expected = how === "answers garbage" ? [200, 502, 503] : [502, 503];
    for (const status of statuses) assert.ok(expected.includes(status), statuses.join(" "));
    await neighbour.goesOn();
  });

  test(`an application that ${how}: CONNECTs that are reset around their answer cost nobody else anything`, async () => {
    const path = `/reset-${port}`;
    for (let connection = 0; connection < CONNECTIONS; connection += 1) {
      using caller = await FrameCaller.connect(sidecar.port(port));
      for (let index = 0; index < STREAMS; index += 1) {
        const stream = 1 + 2 * index;
        const early = index % 3 === 0 ? [frame(FRAME.data, FLAG.endStream, stream, Buffer.from("abc"))] : [];
        caller.send(connectTo(path, stream), ...early);
        // From before the application is asked to behind the answer, also while later streams begin.
        setTimeout(
          () => caller.send(frame(FRAME.resetStream, 0, stream, Buffer.from([0, 0, 0, index % 12]))),
          index % 8,
        );
        if (index % 4 === 0) await delay(2);
      }
      // The next begins while the answers of this one are still on their way.
      await delay(40);
    }
    await until(
      "each has its record",
      () => sidecar.log.all({ event: "request", path }).length === CONNECTIONS * STREAMS,
    );
    await neighbour.goesOn();
  });
}

function connectTo(path: string, stream: number): Buffer {
  const lines = [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", path],
    ["sec-websocket-version", "13"],
  ] as const;
  return frame(FRAME.headers, FLAG.endHeaders, stream, headerBlock(lines));
}
