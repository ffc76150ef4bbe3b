/** What an HTTP/1.1 application is sent, and what it makes of an upload. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { test } from "node:test";
import { answering, ask, BareApplication, dispatch, receive } from "./http1-rig.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const END = /\r\n\r\n$/;

/** A body that has come in these parts, or comes when the test pushes more. */
function bodyOf(parts: readonly string[], trailers?: readonly string[]): Readable & { trailers?: readonly string[] } {
  const body = new Readable({ read: () => undefined });
  for (const part of parts) body.push(part);
  return trailers === undefined ? body : Object.assign(body, { trailers });
}

/** What the application receives until `pattern` matches, when it answers then. */
async function sent(request: Parameters<typeof ask>[1], pattern: RegExp): Promise<string> {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  let text = "";
  application.onSocket = (socket) => {
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (pattern.test(text)) socket.write(OK);
    });
  };
  const told = await ask(upstream, request);
  assert.equal(told.error, undefined);
  assert.equal(told.body, "ok");
  return text;
}

test("lines reach the application as they came: order, case, repetition and bytes above ASCII", async () => {
  assert.equal(
    await sent({ path: "/a\\b?c=%zz", lines: ["X-B", "1", "x-b", "2", "cookie", "a=\xe9"] }, END),
    "GET /a\\b?c=%zz HTTP/1.1\r\nhost: a\r\nX-B: 1\r\nx-b: 2\r\ncookie: a=\xe9\r\nconnection: keep-alive\r\n\r\n",
  );
});

test("a POST without a body says so, a GET without one says nothing", async () => {
  assert.match(await sent({ method: "POST" }, END), /\r\ncontent-length: 0\r\n\r\n$/);
  assert.doesNotMatch(await sent({ method: "GET" }, END), /content-length/);
});

test("a body of a told length is sent as it is, whatever the method", async () => {
  const body = bodyOf(["he", "llo"]);
  body.push(null);
  const text = await sent({ method: "DELETE", lines: ["content-length", "5"], body }, /hello$/);
  assert.match(text, /^DELETE \/ HTTP\/1\.1\r\n/);
  assert.doesNotMatch(text, /transfer-encoding/);
});

test("a body of no told length is chunked, and repeated trailers stay separate", async () => {
  const body = bodyOf(["he", "llo"], ["x-bin", "1", "x-bin", "2", "X-Sum", "3"]);
  body.push(null);
  const text = await sent({ method: "POST", body }, /\r\n0\r\n(?:[^]*\r\n)?\r\n$/);
  assert.match(
    text,
    /\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nx-bin: 1\r\nx-bin: 2\r\nX-Sum: 3\r\n\r\n$/,
  );
});

test("a head does not wait for a body that has not begun to come", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  const body = bodyOf([]);
  const connected = new Promise<string>((resolve) => {
    application.onSocket = (socket) => void receive(socket, END).then(resolve);
  });
  const told = dispatch(upstream, { method: "POST", lines: ["content-length", "4"], body });
  assert.match(await connected, /^POST \/ HTTP\/1\.1\r\n/);
  const [socket] = application.sockets;
  body.push("late");
  body.push(null);
  assert.equal(await receive(socket!, /late/), "late");
  socket!.write(OK);
  assert.equal((await told.over).body, "ok");
});

test("a large body arrives whole, and is taken no faster than the application reads", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  const size = 32 * 1024 * 1024;
  let given = 0;
  const body = new Readable({
    highWaterMark: 65_536,
    read() {
      const left = size - given;
      const chunk = Buffer.alloc(Math.min(65_536, left), "x");
      given += chunk.length;
      this.push(chunk.length === 0 ? null : chunk);
    },
  });
  const connected = new Promise((resolve) => {
    application.onSocket = (socket) => {
      socket.pause();
      resolve(undefined);
    };
  });
  const paused = once(body, "pause");
  const told = dispatch(upstream, { method: "POST", lines: ["content-length", String(size)], body });
  await Promise.all([connected, paused]);
  assert.ok(given < size / 2, `${given} bytes were taken from the caller before the application read one`);
  let received = 0;
  const [socket] = application.sockets;
  socket!.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > size) socket!.write(OK);
  });
  socket!.resume();
  assert.equal((await told.over).body, "ok");
  assert.ok(received > size);
});

for (const kept of [false, true]) {
  test(`an early 413 of an application that closes arrives, on a ${kept ? "kept" : "new"} connection`, async () => {
    await using application = await BareApplication.start();
    const upstream = application.upstream();
    const answer = "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 8\r\n\r\ntoo much";
    application.onSocket = (socket) => {
      let text = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        if (text.endsWith("\r\n\r\n") && text.startsWith("GET")) {
          text = "";
          socket.write(OK);
        }
        // Closed with most of the body unread: the system resets the connection behind the answer.
        if (text.startsWith("POST")) {
          socket.pause();
          socket.write(answer, () => socket.destroy());
        }
      });
    };
    if (kept) assert.equal((await ask(upstream)).body, "ok");
    for (let turn = 0; turn < 10; turn += 1) {
      const body = new Readable({ read: () => body.push(Buffer.alloc(65_536)) });
      const told = await ask(upstream, { method: "POST", body });
      assert.deepEqual([told.status, told.body, told.error], [413, "too much", undefined]);
      assert.ok(body.destroyed, "nothing more is taken from the caller");
      if (kept) assert.equal((await ask(upstream)).body, "ok");
    }
  });
}

test("an answer that is there when a write fails is still read", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  const connected = new Promise<string>((resolve) => {
    application.onSocket = (socket) => void receive(socket, /begun/).then(resolve);
  });
  const body = bodyOf(["begun"]);
  const told = dispatch(upstream, { method: "POST", body });
  await connected;
  const [socket] = application.sockets;
  // All in one turn: the answer and the reset behind it are there, unread, when the next write is tried.
  socket!.write("HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 8\r\n\r\ntoo much");
  socket!.resetAndDestroy();
  body.push("more");
  assert.deepEqual([(await told.over).status, told.body, told.error], [413, "too much", undefined]);
});

test("a body that breaks off takes its request with it, and the application cannot take it for whole", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  const ended = new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    application.onSocket = (socket) => {
      socket.on("data", () => body.destroy());
      socket.once("error", resolve);
      socket.once("end", () => resolve(undefined));
    };
  });
  const body = bodyOf(["half"]);
  const told = await ask(upstream, { method: "POST", body });
  assert.equal(told.code, "BODY_CUT");
  assert.equal((await ended)?.code, "ECONNRESET");
});

for (const [name, parts] of [
  ["longer", ["hello", "!"]],
  ["shorter", ["hell"]],
] as const) {
  test(`a body that is ${name} than its length ends its request`, async () => {
    await using application = await BareApplication.start();
    const upstream = application.upstream();
    const body = bodyOf(parts);
    body.push(null);
    const told = await ask(upstream, { method: "POST", lines: ["content-length", "5"], body });
    assert.equal(told.code, "BODY_LENGTH");
  });
}

test("a request that would be two is not sent", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering(OK);
  const told = await ask(upstream, { lines: ["x", "y\r\n\r\nGET /second HTTP/1.1"] });
  assert.equal(told.code, "INVALID_REQUEST");
  assert.equal((await ask(upstream)).body, "ok");
  assert.equal(application.sockets.length, 1);
});
