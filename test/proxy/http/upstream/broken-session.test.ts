/** An application of HTTP/2 that gives one malformed response costs the calls beside it as little as it can. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "../../../../src/config/config.ts";
import { classifyFailure } from "../../../../src/proxy/http/upstream/failure.ts";
import { Http2Upstream } from "../../../../src/proxy/http/upstream/http2-upstream.ts";
import { startHttp2ByHand } from "../../../support/application/http2-by-hand.ts";
import { FLAG, frame, FRAME, headerBlock } from "../../../support/caller/http2-frames.ts";
import type { Line } from "../../../support/caller/taken-response.ts";
import { ask, dispatch, type Ask, type Told } from "./http1-rig.ts";
import { wholeBody } from "./http2-rig.ts";

function response(stream: number, lines: readonly Line[], body: string): Buffer {
  return Buffer.concat([
    frame(FRAME.headers, FLAG.endHeaders, stream, headerBlock(lines)),
    frame(FRAME.data, FLAG.endStream, stream, Buffer.from(body)),
  ]);
}

const good = (stream: number): Buffer => response(stream, [[":status", "200"]], "ok");

/** Node ends the whole connection for each of these. */
const MALFORMED: Readonly<Record<string, (stream: number) => Buffer>> = {
  "more DATA than its content-length": (stream) =>
    response(
      stream,
      [
        [":status", "200"],
        ["content-length", "1"],
      ],
      "long",
    ),
  "DATA of a 204": (stream) => response(stream, [[":status", "204"]], "long"),
};

/** Responds once all of these are asked for: to the last of them wrongly, to the others not; and to what comes later well. */
async function besideMalformed(
  malformed: (stream: number) => Buffer,
  calls: readonly Ask[],
): Promise<{ readonly told: readonly Told[]; readonly asked: number }> {
  let asked = 0;
  await using application = await startHttp2ByHand((stream, socket) => {
    asked += 1;
    if (asked > calls.length) socket.write(good(stream));
    else if (asked === calls.length) socket.write(malformed(stream));
  });
  const upstream = new Http2Upstream({ host: "127.0.0.1", port: application.port }, DEFAULT_LIMITS);
  const told = await Promise.all(calls.map((call) => ask(upstream, call)));
  return { told, asked };
}

for (const [name, malformed] of Object.entries(MALFORMED))
  test(`${name}: calls that may be repeated are, on another connection, and the others are told`, async () => {
    const calls: readonly Ask[] = [
      { method: "GET" },
      { method: "DELETE" },
      { method: "POST" },
      { method: "PUT", body: wholeBody(["sent"]) },
      { method: "GET", path: "/malformed" },
    ];
    const { told, asked } = await besideMalformed(malformed, calls);
    assert.deepEqual(
      told.map(({ status, body, error }) => (error === undefined ? [status, body] : classifyFailure(error).status)),
      [[200, "ok"], [200, "ok"], 502, 502, 502],
    );
    assert.equal(asked, calls.length + 2);
  });

test("a call of whose response something was seen is not repeated", async () => {
  let asked = 0;
  await using application = await startHttp2ByHand((stream, socket) => {
    asked += 1;
    if (asked > 1) return void socket.write(MALFORMED["DATA of a 204"]!(stream));
    socket.write(frame(FRAME.headers, FLAG.endHeaders, stream, headerBlock([[":status", "200"]])));
  });
  const upstream = new Http2Upstream({ host: "127.0.0.1", port: application.port }, DEFAULT_LIMITS);
  const first = dispatch(upstream);
  await first.begun;
  await ask(upstream);
  assert.equal((await first.over).code, "ERR_HTTP2_ERROR");
  assert.equal(asked, 2);
});

test("a call is repeated once, however often its connection is broken", async () => {
  let asked = 0;
  await using application = await startHttp2ByHand((_stream, socket) => {
    asked += 1;
    // Of no stream: every call of the connection is without blame.
    socket.write(frame(FRAME.windowUpdate, 0, 0, Buffer.alloc(4)));
  });
  const upstream = new Http2Upstream({ host: "127.0.0.1", port: application.port }, DEFAULT_LIMITS);
  const told = await ask(upstream);
  assert.equal(told.code, "ERR_HTTP2_ERROR");
  assert.equal(asked, 2);
});
