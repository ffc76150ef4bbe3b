/** What the callers of a long run do, one small thing each. A lane's step resolves, or rejects with what was wrong. */
import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { call, connect, exchange, tryCall, type CallerTls } from "../support/caller/caller.ts";
import { Http2Caller } from "../support/caller/http2-caller.ts";

export interface Target {
  /** mTLS, parsed. */
  readonly http: number;
  /** mTLS, bytes copied; the application behind it sends back what it gets. */
  readonly stream: number;
  readonly gateway: CallerTls;
  readonly wrongName: CallerTls;
}

export interface Lane extends AsyncDisposable {
  readonly name: string;
  /** Pause between two steps, in milliseconds. */
  readonly pauseMs: number;
  readonly step: () => Promise<void>;
}

type Step = (state: AsyncDisposableStack) => Promise<() => Promise<void>>;

const body = (): Buffer => randomBytes(randomInt(1, 200_000));

/** An error between two steps shows in the step after it; without a listener it would end the whole run. */
async function open(options: Parameters<typeof connect>[0]): Promise<Socket> {
  const socket = await connect(options);
  socket.on("error", () => undefined);
  return socket;
}

function secretsOf({ ca, pair }: CallerTls): object {
  return { ca, cert: pair?.certPem, key: pair?.keyPem, checkServerIdentity: () => undefined };
}

/** Prepared once, and again after every `renewAfter` steps. */
function lane(name: string, pauseMs: number, renewAfter: number, prepare: Step): Lane {
  let state = new AsyncDisposableStack();
  let step: (() => Promise<void>) | undefined;
  let left = 0;
  return {
    name,
    pauseMs,
    step: async () => {
      if (left === 0) {
        await state.disposeAsync();
        state = new AsyncDisposableStack();
        step = await prepare(state);
        left = renewAfter;
      }
      left -= 1;
      await step?.();
    },
    [Symbol.asyncDispose]: () => state.disposeAsync(),
  };
}

/** Once only: what the others do over and over without keeping anything. */
const single = (name: string, pauseMs: number, step: () => Promise<void>): Lane =>
  lane(name, pauseMs, 1_000_000, () => Promise.resolve(step));

function keptHttp1({ http: port, gateway: tls }: Target): Lane {
  return lane("HTTP/1.1, kept", 10, 400, async (state) => {
    const socket = state.adopt(await open({ port, tls }), (kept) => void kept.destroy());
    return async () => {
      assert.ok(!socket.destroyed, "the connection was ended between two requests");
      assert.equal((await exchange(socket, { path: "/small" })).status, 200);
    };
  });
}

function uploads({ http: port, gateway: tls }: Target): Lane {
  return single("HTTP/1.1, a body each way", 40, async () => {
    const sent = body();
    const outgoing = httpsRequest({
      ...secretsOf(tls),
      host: "127.0.0.1",
      port,
      path: "/echo",
      method: "POST",
      agent: false,
    });
    outgoing.write(sent.subarray(0, sent.length >> 1));
    outgoing.end(sent.subarray(sent.length >> 1));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    assert.equal(incoming.statusCode, 200);
    assert.ok((await buffer(incoming)).equals(sent), "the body came back changed");
  });
}

function http2({ http: port, gateway: tls }: Target): Lane {
  return lane("HTTP/2, streams beside each other", 20, 300, async (state) => {
    const caller = state.use(await Http2Caller.connect(port, tls));
    return async () => {
      const sent = body();
      const [small, echoed] = await Promise.all([
        caller.call({ ":path": "/small" }),
        caller.call({ ":path": "/echo", ":method": "POST" }, sent),
      ]);
      assert.deepEqual([small.status, echoed.status], [200, 200]);
      assert.ok(echoed.body.equals(sent), "the body came back changed");
    };
  });
}

function webSocket({ http: port, gateway: tls }: Target): Lane {
  return lane("WebSocket", 50, 100, async (state) => {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/socket`, {
      ...secretsOf(tls),
      perMessageDeflate: false,
    });
    state.defer(() => socket.terminate());
    await once(socket, "open");
    return async () => {
      const sent = body();
      const answer = once(socket, "message") as Promise<[Buffer]>;
      socket.send(sent);
      assert.ok((await answer)[0].equals(sent), "the message came back changed");
    };
  });
}

function eventStream({ http: port, gateway: tls }: Target): Lane {
  return single("event stream", 10, async () => {
    const socket = await open({ port, tls });
    socket.write("GET /events HTTP/1.1\r\nhost: app.test\r\n\r\n");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    await delay(3_000);
    socket.destroy();
    assert.ok(text.split("data: tick").length > 10, "too few events came");
  });
}

function aborting({ http: port, gateway: tls }: Target): Lane {
  return single("caller that goes away", 100, async () => {
    const socket = await open({ port, tls });
    socket.write("GET /endless HTTP/1.1\r\nhost: app.test\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
  });
}

function copied({ stream: port, gateway: tls }: Target): Lane {
  return single("stream", 100, async () => {
    const socket = await open({ port, tls: { ...tls, options: { allowHalfOpen: true } } });
    const sent = randomBytes(randomInt(1, 1_000_000));
    socket.end(sent);
    assert.ok((await buffer(socket)).equals(sent), "the bytes came back changed");
  });
}

function refused({ http: port, gateway, wrongName }: Target): Lane {
  return single("refused", 100, async () => {
    const stranger = await tryCall({ port, tls: gateway, from: "127.0.0.99" });
    assert.ok("error" in stranger, "an address that is not listed was served");
    assert.equal((await call({ port, tls: wrongName })).status, 403);
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
