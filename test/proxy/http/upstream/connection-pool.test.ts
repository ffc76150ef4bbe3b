/** Which connection carries which request, and what happens when the application closes one under it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { DEFAULT_LIMITS } from "../../../../src/config/config.ts";
import { Http1Upstream } from "../../../../src/proxy/http/upstream/http1-upstream.ts";
import { answering, ask, BareApplication, dispatch, type Ask } from "./http1-rig.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Closes the connection on its second request, without an answer. */
function closingOnSecond(how: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    let requests = 0;
    socket.on("data", () => {
      requests += 1;
      if (requests === 1) socket.write(OK);
      else how(socket);
    });
  };
}

test("requests one after another share one connection", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering(OK);
  for (let turn = 0; turn < 50; turn += 1) assert.equal((await ask(upstream)).body, "ok");
  assert.equal(application.sockets.length, 1);
});

test("the latest used connection is taken first", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  const carried: Socket[] = [];
  const both = new Promise<void>((resolve) => {
    application.onSocket = (socket) => {
      socket.on("data", () => {
        carried.push(socket);
        if (carried.length === 2) resolve();
        if (carried.length > 2) socket.write(OK);
      });
    };
  });
  const first = dispatch(upstream, { path: "/first" });
  const second = dispatch(upstream, { path: "/second" });
  await both;
  // One after the other: the second answer leaves its connection the latest used.
  for (const [index, socket] of [...carried].entries()) {
    socket.write(OK);
    await Promise.race([first.over, second.over]);
    if (index === 1) await Promise.all([first.over, second.over]);
  }
  for (let turn = 0; turn < 4; turn += 1) {
    // A connection is not used again in the turn in which its response ended.
    await setImmediate();
    await ask(upstream);
  }
  assert.equal(new Set(carried.slice(2)).size, 1);
});

test("the limit holds, requests beyond it wait their turn in order, and above both the upstream is full", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ maxUpstreamConnections: 3, maxQueuedRequests: 20 });
  application.onSocket = answering(OK);
  const order: number[] = [];
  const asked = Array.from({ length: 23 }, (_, index) => {
    assert.equal(upstream.full, false);
    return ask(upstream).then((told) => {
      order.push(index);
      return told.body;
    });
  });
  assert.equal(upstream.full, true);
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(["ok"]));
  assert.equal(upstream.full, false);
  assert.ok(application.mostOpen <= 3, `${application.mostOpen} connections at once`);
  assert.ok(order.indexOf(22) > order.indexOf(3), "who came first was served first");
});

test("the limit holds while the application gives up every connection", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ maxUpstreamConnections: 2 });
  application.onSocket = (socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"));
  };
  const told = await Promise.all(Array.from({ length: 20 }, () => ask(upstream)));
  assert.ok(told.every(({ body }) => body === "ok"));
  assert.equal(application.sockets.length, 20);
});

test("a request that is cancelled while it waits is never sent", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ maxUpstreamConnections: 1 });
  const first = dispatch(upstream, { path: "/first" });
  const waiting = dispatch(upstream, { path: "/cancelled" });
  const third = dispatch(upstream, { path: "/third" });
  let text = "";
  application.onSocket = (socket) => {
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      socket.write(OK);
    });
  };
  waiting.control!.abort(new Error("cancelled"));
  assert.equal((await waiting.over).error?.message, "cancelled");
  await Promise.all([first.over, third.over]);
  assert.doesNotMatch(text, /cancelled/);
});

test("a connection that is not used is closed when its time is up", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ upstreamKeepAliveMs: 100 });
  application.onSocket = answering(OK);
  await ask(upstream);
  const socket = application.sockets[0]!;
  await once(socket, "end");
  socket.end();
  assert.equal((await ask(upstream)).body, "ok");
  assert.equal(application.sockets.length, 2);
});

test("a connection is given up by the application's Keep-Alive line, where our own time is longer", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream({ upstreamKeepAliveMs: 3_600_000 });
  application.onSocket = answering("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=9\r\ncontent-length: 2\r\n\r\nok");
  await ask(upstream);
  await once(application.sockets[0]!, "end");
});

test("a kept connection that the application has closed is not used", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering(OK);
  await ask(upstream);
  const [socket] = application.sockets;
  const closed = once(socket!, "close");
  socket!.end();
  await closed;
  assert.equal((await ask(upstream, { method: "POST" })).body, "ok");
  assert.equal(application.sockets.length, 2);
});

test("bytes on a kept connection that nobody asked for are no answer to the next request", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering(OK);
  await ask(upstream);
  const [socket] = application.sockets;
  const closed = once(socket!, "end");
  socket!.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged");
  await closed;
  assert.equal((await ask(upstream)).body, "ok");
});

const ways: readonly (readonly [name: string, how: (socket: Socket) => void])[] = [
  ["a FIN", (socket) => socket.end()],
  ["a reset", (socket) => socket.resetAndDestroy()],
];

for (const [name, how] of ways) {
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
    test(`${method} on a kept connection that ends by ${name} is repeated on another`, async () => {
      await using application = await BareApplication.start();
      const upstream = application.upstream();
      application.onSocket = (socket, index) => (index === 0 ? closingOnSecond(how) : answering(OK))(socket);
      assert.equal((await ask(upstream)).body, "ok");
      const told = await ask(upstream, { method });
      assert.deepEqual([told.error, told.status, told.ends], [undefined, 200, 1]);
      assert.equal(application.sockets.length, 2);
    });
  }

  for (const [what, request] of [
    ["POST", { method: "POST" }],
    ["PATCH", { method: "PATCH" }],
    ["PUT with a body", { method: "PUT", lines: ["content-length", "2"] }],
  ] as const) {
    test(`${what} on a kept connection that ends by ${name} is not repeated`, async () => {
      await using application = await BareApplication.start();
      const upstream = application.upstream();
      application.onSocket = (socket, index) => (index === 0 ? closingOnSecond(how) : answering(OK))(socket);
      assert.equal((await ask(upstream)).body, "ok");
      const body = what === "PUT with a body" ? { body: Readable.from([Buffer.from("hi")]) } : {};
      const asked: Ask = { ...request, lines: "lines" in request ? [...request.lines] : [], ...body };
      const told = await ask(upstream, asked);
      assert.ok(told.error !== undefined);
      assert.equal(application.sockets.length, 1);
    });
  }
}

test("a POST of which the socket took nothing is repeated: the application cannot have seen it", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = answering(OK);
  assert.equal((await ask(upstream)).body, "ok");
  await setImmediate();
  // In one turn: the reset is there, unread, when the request is written.
  application.sockets[0]!.resetAndDestroy();
  const told = await ask(upstream, { method: "POST" });
  assert.deepEqual([told.error, told.body, application.sockets.length], [undefined, "ok", 2]);
});

test("a request is repeated once, and not on a connection that was new", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = (socket, index) =>
    index === 0 ? closingOnSecond((kept) => kept.end())(socket) : socket.once("data", () => socket.end());
  assert.equal((await ask(upstream)).body, "ok");
  assert.equal((await ask(upstream)).code, "CLOSED_EARLY");
  assert.equal(application.sockets.length, 2);
});

test("a request of which the application has answered a byte is not repeated", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  application.onSocket = closingOnSecond((socket) => socket.end("HTTP/1.1 100 Continue\r\n\r\n"));
  assert.equal((await ask(upstream)).body, "ok");
  const told = await ask(upstream);
  assert.deepEqual([told.interim, told.code], [[100], "CLOSED_EARLY"]);
  assert.equal(application.sockets.length, 1);
});

test("while every kept connection is stale, no caller notices", async () => {
  await using application = await BareApplication.start();
  const upstream = application.upstream();
  let stale = true;
  application.onSocket = (socket) => {
    const ownStale = stale;
    let requests = 0;
    socket.on("data", () => {
      requests += 1;
      if (ownStale && requests > 1) socket.resetAndDestroy();
      else socket.write(OK);
    });
  };
  await Promise.all(Array.from({ length: 8 }, () => ask(upstream)));
  stale = false;
  const told = await Promise.all(Array.from({ length: 8 }, () => ask(upstream)));
  assert.deepEqual(new Set(told.map(({ body }) => body)), new Set(["ok"]));
});

test("an application that is not there is said so, and its return is found", async () => {
  const placeholder = createServer().listen(0, "127.0.0.1");
  await once(placeholder, "listening");
  const { port } = placeholder.address() as { port: number };
  placeholder.close();
  await once(placeholder, "close");
  const upstream = new Http1Upstream({ host: "127.0.0.1", port }, DEFAULT_LIMITS);
  assert.equal((await ask(upstream)).code, "ECONNREFUSED");
  const server = createServer(answering(OK)).listen(port, "127.0.0.1");
  await once(server, "listening");
  assert.equal((await ask(upstream)).body, "ok");
  server.close();
});
