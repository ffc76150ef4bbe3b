/** What the callers of a long run do, one small thing each. */
import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import { WebSocket } from "ws";
import { call, exchange, tryCall, type CallerTls } from "../support/caller/caller.ts";
import { Http2Caller } from "../support/caller/http2-caller.ts";
import { assertSame, open, type Target } from "./callers.ts";
import { lane, single, type Lane } from "./lane.ts";

/** Of one stream: ten a second are sent. */
const EVENTS = 30;

const body = (): Buffer => randomBytes(randomInt(1, 200_000));

function secretsOf({ ca, pair }: CallerTls): object {
  return { ca, cert: pair?.certPem, key: pair?.keyPem, checkServerIdentity: () => undefined };
}

function keptHttp1({ http: port, gateway }: Target): Lane {
  return lane("HTTP/1.1, kept", 10, async (state) => {
    const socket = state.adopt(await open({ port, tls: gateway() }), (kept) => void kept.destroy());
    return async () => {
      if (socket.destroyed) throw new Error("the connection was ended between two requests");
      assert.equal((await exchange(socket, { path: "/small" })).status, 200);
    };
  });
}

function uploads({ http: port, gateway }: Target): Lane {
  return single("HTTP/1.1, a body each way", 40, async () => {
    const sent = body();
    const outgoing = httpsRequest({
      ...secretsOf(gateway()),
      host: "127.0.0.1",
      port,
      path: "/echo",
      method: "POST",
      agent: false,
    });
    // What breaks after the response has begun shows in the response.
    outgoing.on("error", () => undefined);
    outgoing.write(sent.subarray(0, sent.length >> 1));
    outgoing.end(sent.subarray(sent.length >> 1));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    assert.equal(incoming.statusCode, 200);
    assertSame(await buffer(incoming), sent);
  });
}

function http2({ http: port, gateway }: Target): Lane {
  return lane("HTTP/2, streams beside each other", 20, async (state) => {
    const caller = state.use(await Http2Caller.connect(port, gateway()));
    return async () => {
      const sent = body();
      const [small, echoed] = await Promise.all([
        caller.call({ ":path": "/small" }),
        caller.call({ ":path": "/echo", ":method": "POST" }, sent),
      ]);
      assert.deepEqual([small.status, echoed.status], [200, 200]);
      assertSame(echoed.body, sent);
    };
  });
}

function webSocket({ http: port, gateway }: Target): Lane {
  return lane("WebSocket", 50, async (state) => {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/socket`, {
      ...secretsOf(gateway()),
      perMessageDeflate: false,
    });
    socket.on("error", () => undefined);
    state.defer(() => socket.terminate());
    const ended = new AbortController();
    socket.once("close", () => ended.abort(new Error("the WebSocket was ended")));
    await once(socket, "open", { signal: ended.signal });
    return async () => {
      const sent = body();
      const answer = once(socket, "message", { signal: ended.signal }) as Promise<[Buffer]>;
      socket.send(sent, () => undefined);
      assertSame((await answer)[0], sent);
    };
  });
}

function eventStream({ http: port, gateway }: Target): Lane {
  return single("event stream", 10, async () => {
    const socket = await open({ port, tls: gateway() });
    const ended = new AbortController();
    socket.once("close", () => ended.abort(new Error("the stream was ended")));
    socket.write("GET /events HTTP/1.1\r\nhost: app.test\r\n\r\n");
    // However slow the machine is, each comes while the response goes on.
    for (let text = ""; text.split("data: tick").length <= EVENTS;) {
      const [chunk] = (await once(socket, "data", { signal: ended.signal })) as [Buffer];
      text += chunk.toString("latin1");
    }
    socket.destroy();
  });
}

function aborting({ http: port, gateway }: Target): Lane {
  return single("caller that goes away", 100, async () => {
    const socket = await open({ port, tls: gateway() });
    socket.write("GET /endless HTTP/1.1\r\nhost: app.test\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
  });
}

function copied({ stream: port, gateway }: Target): Lane {
  return single("stream", 100, async () => {
    const socket = await open({ port, tls: { ...gateway(), options: { allowHalfOpen: true } } });
    const sent = randomBytes(randomInt(1, 1_000_000));
    socket.end(sent);
    assertSame(await buffer(socket), sent);
  });
}

function refused({ http: port, gateway, wrongName }: Target): Lane {
  return single("refused", 100, async () => {
    const stranger = await tryCall({ port, tls: gateway(), from: "127.0.0.99" });
    assert.ok("error" in stranger, "an address that is not listed was served");
    assert.equal((await call({ port, tls: wrongName() })).status, 403, "a wrong name did not get 403");
    assert.ok("error" in (await tryCall({ port })), "plain HTTP was served on a TLS port");
  });
}

export function lanes(target: Target): readonly Lane[] {
  return [
    keptHttp1(target),
    keptHttp1(target),
    uploads(target),
    http2(target),
    webSocket(target),
    eventStream(target),
    aborting(target),
    copied(target),
    refused(target),
  ];
}
