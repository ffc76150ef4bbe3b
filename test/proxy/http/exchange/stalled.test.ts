import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import type { Connection } from "../../../../src/proxy/forward/forwarder.ts";
import { Exchange } from "../../../../src/proxy/http/exchange/exchange.ts";
import type { Downstream } from "../../../../src/proxy/http/exchange/message.ts";
import type { ResponseControl, Upstream } from "../../../../src/proxy/http/upstream/upstream.ts";

const CONTROL: ResponseControl = {
  rawHeaders: ["content-length", "2"],
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

/** Room for every write, and no word that any of it is out: what is left waits in the operating system. */
function silentCaller(): Downstream {
  return {
    body: undefined,
    openBody: () => undefined,
    readableSinceMs: 0,
    begun: true,
    proceed: () => undefined,
    inform: () => undefined,
    start: () => undefined,
    write: () => true,
    onceWritable: () => undefined,
    end: () => undefined,
    respond: () => undefined,
    cut: () => undefined,
    onClose: undefined,
    onFault: undefined,
  };
}

test("a caller that does not take the last bytes of its response is waited for no longer than for those before", () => {
  const upstream: Upstream = {
    full: false,
    dispatch: (_request, handler) => {
      handler.onRequestStart(CONTROL);
      return () => undefined;
    },
  };
  const exchange = new Exchange({
    connection: {} as Connection,
    head: { method: "GET", target: "/", version: "1.1", lines: [] },
    clean: { ok: true, path: "/", authority: undefined, hasBody: false, grpc: false, expectsContinue: false },
    headers: { lines: [], requestId: "a", traceparent: undefined, span: undefined, userAgent: undefined },
    downstream: silentCaller(),
    upstream,
    upgrade: false,
    onEnd: () => undefined,
  });
  exchange.start();
  exchange.onResponseStart(CONTROL, 200);
  exchange.onResponseData(CONTROL, Buffer.from("ok"));
  assert.equal(
    exchange.stalledMs(performance.now() + 5_000).readingMs,
    0,
    "the application has not said its last byte",
  );
  exchange.onResponseEnd(CONTROL, []);
  assert.ok(exchange.stalledMs(performance.now() + 5_000).readingMs >= 5_000);
});
