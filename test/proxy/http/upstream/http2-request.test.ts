/** What an application of HTTP/2 is sent, what it may leave unprocessed, and which ends of a response are good ones. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { constants, type ServerHttp2Stream } from "node:http2";
import { test } from "node:test";
import type { Http2Upstream } from "../../../../src/proxy/http/upstream/http2-upstream.ts";
import { ask, dispatch } from "./http1-rig.ts";
import { answer, bodyOf, Http2Application, wholeBody } from "./http2-rig.ts";

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;
const KEPT_BYTES = 65_536;

/** Says that nothing above the stream before this one was or will be processed: there has to be one. */
function leaveUnprocessed(stream: ServerHttp2Stream, code: number = NGHTTP2_NO_ERROR): void {
  stream.session!.goaway(code, stream.id! - 2);
}

/** An upstream that has served one request; the next stream is left to `leave`, and those behind it are answered. */
async function leavingNext(
  application: Http2Application,
  leave: (stream: ServerHttp2Stream) => void,
): Promise<Http2Upstream> {
  const upstream = application.upstream();
  assert.equal((await ask(upstream)).body, "ok");
  application.onStream = (stream) => {
    application.onStream = answer;
    leave(stream);
  };
  return upstream;
}

for (const method of ["GET", "POST", "PATCH"]) {
  const body = () => (method === "GET" ? {} : { body: wholeBody(["he", "llo"]) });
  const expected = method === "GET" ? "ok" : "hello";

  test(`a ${method} that a GOAWAY leaves unprocessed is sent again on another connection, from its beginning`, async () => {
    await using application = await Http2Application.start();
    const upstream = await leavingNext(application, (stream) =>
      stream.once("end", () => leaveUnprocessed(stream)).resume(),
    );
    const told = await ask(upstream, { method, ...body() });
    assert.deepEqual([told.status, told.body, told.error], [200, expected, undefined]);
    assert.deepEqual([application.streams, application.connections], [3, 2]);
  });

  test(`a ${method} whose stream is refused is sent again`, async () => {
    await using application = await Http2Application.start();
    const upstream = await leavingNext(application, (stream) => stream.close(NGHTTP2_REFUSED_STREAM));
    const told = await ask(upstream, { method, ...body() });
    assert.deepEqual([told.status, told.body, application.streams], [200, expected, 3]);
  });
}

test("a GOAWAY with an error leaves nothing above its last stream processed either", async () => {
  await using application = await Http2Application.start();
  const upstream = await leavingNext(application, (stream) => leaveUnprocessed(stream, NGHTTP2_ENHANCE_YOUR_CALM));
  const told = await ask(upstream, { method: "POST", body: wholeBody(["hello"]) });
  assert.deepEqual([told.status, told.body, application.streams], [200, "hello", 3]);
});

test("a body that is still coming is sent again as far as it came, and goes on there", async () => {
  await using application = await Http2Application.start();
  const body = bodyOf(["first,"]);
  const upstream = await leavingNext(application, (stream) => {
    stream.once("data", () => {
      leaveUnprocessed(stream);
      body.push("second,");
    });
  });
  const told = dispatch(upstream, { method: "POST", body });
  while (application.streams < 3) await new Promise((resolve) => setImmediate(resolve));
  body.push("third");
  body.push(null);
  assert.equal((await told.over).body, "first,second,third");
});

test("a request is sent three times at most", async () => {
  await using application = await Http2Application.start();
  application.onStream = (stream) => stream.close(NGHTTP2_REFUSED_STREAM);
  const told = await ask(application.upstream());
  assert.equal(told.status, undefined);
  assert.equal(told.code, "ERR_HTTP2_STREAM_ERROR");
  assert.equal(application.streams, 3);
});

test("a body of which more was sent than is kept is not sent again", async () => {
  await using application = await Http2Application.start();
  let bytes = 0;
  application.onStream = (stream) => {
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > KEPT_BYTES) stream.close(NGHTTP2_REFUSED_STREAM);
    });
  };
  const told = await ask(application.upstream(), { method: "POST", body: bodyOf(["x".repeat(KEPT_BYTES + 1)]) });
  assert.deepEqual([told.code, application.streams], ["ERR_HTTP2_STREAM_ERROR", 1]);
});

test("a request whose stream is reset by another code, or whose connection is lost, is not sent again", async () => {
  await using application = await Http2Application.start();
  const upstream = application.upstream();
  application.onStream = (stream) => stream.close(NGHTTP2_CANCEL);
  assert.notEqual((await ask(upstream)).error, undefined);
  assert.equal(application.streams, 1);
  application.onStream = (stream) => stream.session!.destroy();
  assert.notEqual((await ask(upstream)).error, undefined);
  assert.equal(application.streams, 2);
});

test("what a GOAWAY does not leave unprocessed is finished where it is, and what comes next goes elsewhere", async () => {
  await using application = await Http2Application.start();
  const upstream = application.upstream();
  const held: ServerHttp2Stream[] = [];
  application.onStream = (stream) => {
    held.push(stream);
    stream.session!.close();
  };
  const first = dispatch(upstream);
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  application.onStream = answer;
  assert.equal((await ask(upstream)).body, "ok");
  answer(held[0]!);
  assert.equal((await first.over).body, "ok");
  assert.deepEqual([application.streams, application.connections], [2, 2]);
});

test("a complete answer is the end, although the upload goes on", async () => {
  await using application = await Http2Application.start();
  const closed = new Promise<void>((resolve) => {
    application.onStream = (stream) => {
      stream.once("close", resolve);
      stream.respond({ ":status": 413 }, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers({ "x-bin": ["AA==", "AQ=="] }));
      stream.end("too much");
    };
  });
  const body = bodyOf(["part"]);
  const told = await ask(application.upstream(), { method: "POST", body });
  assert.deepEqual([told.status, told.body, told.error], [413, "too much", undefined]);
  assert.deepEqual(told.trailers, ["x-bin", "AA==", "x-bin", "AQ=="]);
  assert.ok(body.destroyed, "nothing more is taken from the caller");
  await closed;
});

test("a reset without an error in the midst of a response is not its end", async () => {
  await using application = await Http2Application.start();
  const begun = new Promise<ServerHttp2Stream>((resolve) => {
    application.onStream = (stream) => {
      // Without trailers to wait for, Node would end the stream in good order before it resets it.
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.write("half");
      resolve(stream);
    };
  });
  const told = dispatch(application.upstream());
  told.onData = () => void begun.then((stream) => stream.close(NGHTTP2_NO_ERROR));
  await told.over;
  assert.deepEqual([told.status, told.body, told.code], [200, "half", "CLOSED_EARLY"]);
});

test("repeated lines and trailers reach the application separately", async () => {
  await using application = await Http2Application.start();
  let lines: readonly string[] = [];
  let trailers: readonly string[] = [];
  application.onStream = (stream, _path, raw) => {
    lines = raw;
    stream.on("trailers", (_trailers, _flags, sent) => (trailers = sent as unknown as readonly string[]));
    answer(stream);
  };
  const body = wholeBody(["hello"], ["X-Sum-Bin", "AA==", "x-sum-bin", "AQ=="]);
  const told = await ask(application.upstream(), { method: "POST", lines: ["X-A", "1", "x-a", "2"], body });
  assert.equal(told.body, "hello");
  assert.deepEqual(lines.slice(lines.indexOf("x-a")), ["x-a", "1", "x-a", "2"]);
  assert.deepEqual(trailers, ["x-sum-bin", "AA==", "x-sum-bin", "AQ=="]);
});

test("a body that breaks off cancels its stream", async () => {
  await using application = await Http2Application.start();
  const body = bodyOf(["half"]);
  const reset = new Promise<number>((resolve) => {
    application.onStream = (stream) => {
      stream.once("data", () => body.destroy());
      stream.once("close", () => resolve(stream.rstCode));
    };
  });
  const told = await ask(application.upstream(), { method: "POST", body });
  assert.equal(told.code, "BODY_CUT");
  assert.equal(await reset, NGHTTP2_CANCEL);
});

test("silence is the application's fault once the body is sent, and not before", async () => {
  await using application = await Http2Application.start();
  application.onStream = () => undefined;
  const upstream = application.upstream({ responseIdleTimeoutMs: 100 });
  const body = bodyOf(["half"]);
  const sending = dispatch(upstream, { method: "POST", body });
  assert.equal((await ask(upstream)).code, "RESPONSE_TIMEOUT");
  assert.equal(sending.error, undefined);
  body.push(null);
  assert.equal((await sending.over).code, "RESPONSE_TIMEOUT");
});

test("a caller that does not read keeps the application from sending on", async () => {
  await using application = await Http2Application.start();
  const size = 16 * 1024 * 1024;
  application.onStream = (stream) => {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.alloc(size));
  };
  const told = dispatch(application.upstream({ responseIdleTimeoutMs: 100 }));
  let bytes = 0;
  told.onData = (control, chunk) => {
    bytes += chunk.length;
    if (bytes === chunk.length) control.pause();
  };
  await told.begun;
  // Longer than the application may be silent.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(bytes < size / 4, `${bytes} bytes came although nobody read`);
  assert.equal(told.error, undefined);
  told.control!.resume();
  await told.over;
  assert.equal(bytes, size);
});

test("what is given up before it had a connection is never sent", async () => {
  await using application = await Http2Application.start();
  const upstream = application.upstream();
  const told = dispatch(upstream);
  told.control!.abort(new Error("left"));
  assert.equal((await told.over).error?.message, "left");
  assert.equal((await ask(upstream)).body, "ok");
  assert.equal(application.streams, 1);
});

test("a paused response whose connection is lost ends when it is read on, whole or as a failure", async () => {
  await using application = await Http2Application.start();
  const size = 200_000;
  application.onStream = (stream) => {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.alloc(size));
  };
  const told = dispatch(application.upstream());
  let bytes = 0;
  told.onData = (control, chunk) => {
    if (bytes === 0) control.pause();
    bytes += chunk.length;
  };
  await told.begun;
  const lost = [...application.sessions].map((session) => once(session, "close"));
  for (const session of application.sessions) setTimeout(() => session.destroy(), 50);
  await Promise.all(lost);
  told.control!.resume();
  await told.over;
  assert.equal(told.error === undefined, bytes === size);
});
