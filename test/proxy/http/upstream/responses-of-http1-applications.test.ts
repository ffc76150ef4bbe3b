/** What comes back from an HTTP/1.1 application, and when it is whole. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { classifyFailure } from "../../../../src/proxy/http/upstream/failure.ts";
import { answering, ask, BareApplication, dispatch, receive, type Ask, type Told } from "./http1-rig.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** One answer, and whether the connection carried a second exchange. */
async function answered(answer: string, request: Ask = {}): Promise<{ readonly told: Told; readonly kept: boolean }> {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ responseIdleTimeoutMs: 1_000 });
  const answers = [answer, OK];
  application.onSocket = answering(() => answers.shift() ?? "");
  const told = await ask(upstream, request);
  assert.equal((await ask(upstream)).body, "ok", "the next exchange is its own");
  return { told, kept: application.sockets.length === 1 };
}

const whole: readonly (readonly [name: string, answer: string, body: string, request?: Ask])[] = [
  ["a length", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", "abc"],
  ["a length of zero", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ""],
  ["chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"],
  ["HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", "", { method: "HEAD" }],
  ["HEAD of a chunked body", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "", { method: "HEAD" }],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", ""],
  ["205", "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n", ""],
  ["304", "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", ""],
  [
    "100 and 103 before it",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
    "a",
  ],
];

for (const [name, answer, body, request] of whole) {
  test(`${name}: the response is whole and its connection is kept`, async () => {
    const { told, kept } = await answered(answer, request);
    assert.deepEqual([told.error, told.body, told.ends, kept], [undefined, body, 1, true]);
  });
}

test("informational responses are told in their order", async () => {
  const { told } = await answered(`HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}`);
  assert.deepEqual([told.interim, told.status], [[102, 103], 200]);
});

test("lines and trailers are told as they came, repetition kept", async () => {
  const { told } = await answered(
    "HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT-bin: 1\r\nt-bin: 2\r\n\r\n",
  );
  assert.deepEqual(told.lines, ["X-A", "1", "x-a", "2", "transfer-encoding", "chunked"]);
  assert.deepEqual(told.trailers, ["T-bin", "1", "t-bin", "2"]);
});

const givenUp: readonly (readonly [name: string, answer: string])[] = [
  ["close", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc"],
  [
    "bytes behind it",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged",
  ],
];

for (const [name, answer] of givenUp) {
  test(`${name}: the response is whole and its connection is not used again`, async () => {
    const { told, kept } = await answered(answer);
    assert.deepEqual([told.error, told.body, kept], [undefined, "abc", false]);
  });
}

test("the end of the connection ends a body without framing, a reset breaks it off", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering("HTTP/1.1 200 OK\r\n\r\nall of it");
  const first = dispatch(upstream);
  await first.begun;
  application.sockets[0]!.end();
  assert.deepEqual([(await first.over).body, first.error], ["all of it", undefined]);
  const second = dispatch(upstream);
  await second.begun;
  application.sockets[1]!.resetAndDestroy();
  assert.equal((await second.over).code, "ECONNRESET");
});

const broken: readonly (readonly [name: string, answer: string, failure: string])[] = [
  ["no byte", "", "upstream-reset"],
  ["half a head", "HTTP/1.1 200 O", "upstream-reset"],
  ["half a body", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", "upstream-reset"],
  ["half a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal", "upstream-reset"],
  ["chunks without their end", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "upstream-reset"],
  ["another protocol", "SSH-2.0-OpenSSH_9.7\r\n", "upstream-invalid"],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!", "upstream-invalid"],
  ["a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "upstream-invalid"],
  ["a broken chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "upstream-invalid"],
];

for (const [name, answer, failure] of broken) {
  test(`${name} and then the end: told once, as ${failure}`, async () => {
    await using application = await BareApplication.start();
    const upstream = application.upstream();
    application.onSocket = (socket) => socket.once("data", () => socket.end(answer, "latin1"));
    const told = await ask(upstream);
    assert.ok(told.error !== undefined);
    assert.equal(classifyFailure(told.error).code, failure);
    assert.equal(told.ends, 1);
  });
}

test("a caller that reads slowly holds the application up, and gets every byte", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ responseIdleTimeoutMs: 200 });
  const size = 64 * 1024 * 1024;
  const content = Buffer.alloc(size, "x");
  application.onSocket = (socket) => {
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      socket.end(content);
    });
  };
  const told = dispatch(upstream);
  let received = 0;
  let pauses = 0;
  const held = new Promise<number>((resolve) => {
    told.onData = (control, chunk) => {
      received += chunk.length;
      told.chunks.length = 0;
      control.pause();
      pauses += 1;
      if (pauses === 1) {
        // Longer than the application's time limit, which does not run while the caller is slow.
        setTimeout(() => {
          resolve(received);
          control.resume();
        }, 600);
      } else if (pauses % 2 === 0) setImmediate(() => control.resume());
      else {
        control.resume();
        control.pause();
        setImmediate(() => control.resume());
      }
    };
  });
  const before = await held;
  assert.ok(before <= 65_536, `${before} bytes were told while the response was paused`);
  assert.ok(application.sockets[0]!.writableLength > 0, "the application waits");
  assert.deepEqual([(await told.over).error, received], [undefined, size]);
});

test("a response that was paused as its last byte came leaves a connection that can be used", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering(OK);
  const told = dispatch(upstream);
  told.onData = (control) => control.pause();
  await told.over;
  assert.equal((await ask(upstream)).body, "ok");
  assert.equal(application.sockets.length, 1);
});

test("silence before and within a response ends it as a timeout", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ responseIdleTimeoutMs: 100 });
  application.onSocket = (socket) => socket.resume();
  assert.equal((await ask(upstream)).code, "RESPONSE_TIMEOUT");
  application.onSocket = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
  const told = await ask(upstream);
  assert.deepEqual([told.body, told.code], ["half", "RESPONSE_TIMEOUT"]);
});

test("a response that is cancelled costs the application a reset, and its connection is not used again", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
  const told = dispatch(upstream);
  await told.begun;
  const reset = once(application.sockets[0]!, "error");
  told.control!.abort(new Error("enough"));
  assert.equal((await told.over).error?.message, "enough");
  const [error] = (await reset) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
  application.onSocket = answering(OK);
  assert.equal((await ask(upstream)).body, "ok");
});

test("what a handler throws ends its own exchange alone", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = (socket, index) => {
    if (index === 0) answering(OK)(socket);
    else void receive(socket, /\r\n\r\n$/).then(() => socket.write(OK));
  };
  const faulty = dispatch(upstream);
  faulty.onData = () => {
    throw new Error("a fault of ours");
  };
  const other = dispatch(upstream);
  assert.equal(classifyFailure((await faulty.over).error!).code, "internal-error");
  assert.equal((await other.over).body, "ok");
});
