/** Places at an application that changes from HTTP/2 to HTTP/1.1 while a request is in flight. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { constants, createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "../../../../src/config/config.ts";
import { Http2Upstream } from "../../../../src/proxy/http/upstream/http2-upstream.ts";
import type { ResponseHandler, Upstream } from "../../../../src/proxy/http/upstream/upstream.ts";
import { Told } from "./http1-rig.ts";

const REQUEST = { method: "GET", path: "/", lines: ["host", "a"], body: undefined };

/** HTTP/1.1 of the same application, of which only the places matter. */
class Http1Places implements Upstream {
  inFlight = 0;
  readonly dispatched = Promise.withResolvers<void>();

  get full(): boolean {
    return this.inFlight >= 1;
  }

  dispatch(_request: unknown, _handler: ResponseHandler): () => void {
    this.inFlight += 1;
    this.dispatched.resolve();
    return () => void (this.inFlight -= 1);
  }
}

test("a request gives its place back where it was sent, with requests of both versions in flight", async () => {
  const http2 = createHttp2();
  const held = once(http2, "stream") as Promise<[ServerHttp2Stream]>;
  let connections = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    connections += 1;
    if (connections === 1) http2.emit("connection", socket);
    else socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const http1 = new Http1Places();
  const upstream = new Http2Upstream(
    { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    { ...DEFAULT_LIMITS, maxUpstreamConnections: 1, maxQueuedRequests: 0 },
    http1,
  );

  const first = new Told();
  const releaseFirst = upstream.dispatch(REQUEST, first);
  const [stream] = await held;
  stream.respond({ ":status": 200 });
  await first.begun;
  // The application is replaced by one that speaks HTTP/1.1 and lets the stream finish.
  stream.session!.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
  // It has seen the GOAWAY when the PING behind it is answered.
  await new Promise((resolve) => stream.session!.ping(resolve));
  const releaseSecond = upstream.dispatch(REQUEST, new Told());
  await http1.dispatched.promise;
  assert.deepEqual([http1.inFlight, upstream.full], [1, true]);
  stream.end();
  await first.over;
  releaseFirst();
  assert.deepEqual([http1.inFlight, upstream.full], [1, true]);
  releaseSecond();
  assert.deepEqual([http1.inFlight, upstream.full], [0, false]);

  stream.session?.destroy();
  server.close();
});
