/** W3C Trace Context through the sidecar, and OpenTelemetry server spans beside it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { once } from "node:events";
import { startApplication } from "../support/application/application.ts";
import { call } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { http, mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { SpanReceiver, type ReceivedSpan } from "../support/application/span-receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const ANYBODY = [policy([http], [range("127.0.0.1/32")])];

function only(spans: readonly ReceivedSpan[], path: string): ReceivedSpan {
  const found = spans.filter(({ attributes }) => attributes["url.path"] === path);
  assert.equal(found.length, 1, `${path}: ${JSON.stringify(spans)}`);
  return found[0]!;
}

test("without a receiver the caller's trace context passes through as it is", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({ manifests: ANYBODY, backends: [{ app: application.port }] });
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  await call({ port: sidecar.port(), headers: { traceparent, tracestate: "a=1" } });
  await call({ port: sidecar.port(), headers: { traceparent: "not one", tracestate: "b=2" } });
  await call({ port: sidecar.port() });
  assert.deepEqual(
    application.requests.map(({ headers }) => [headers["traceparent"], headers["tracestate"]]),
    [
      [traceparent, "a=1"],
      ["not one", "b=2"],
      [undefined, undefined],
    ],
  );
});

test("a span's parent is the caller's, and the application is told that its own parent is that span", async () => {
  await using receiver = await SpanReceiver.start();
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: ANYBODY,
    backends: [{ app: application.port }],
    flags: [`--otlp-endpoint=${receiver.url}/`, "--drain-delay=0", "--pod-name=cart-0", "--access-log=false"],
  });
  const port = sidecar.port();
  await call({
    port,
    path: "/traced?token=1",
    headers: { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: "a=1" },
  });
  await call({ port, path: "/later-version", headers: { traceparent: `cc-${TRACE}-${PARENT}-01-more` } });
  await call({ port, path: "/root" });
  await call({ port, path: "/broken", headers: { traceparent: `00-${TRACE}-${PARENT}-01-more`, tracestate: "a=1" } });
  await call({ port, path: "/zero", headers: { traceparent: `00-${"0".repeat(32)}-${PARENT}-01` } });
  await call({ port, path: "/unsampled", headers: { traceparent: `00-${TRACE}-${PARENT}-00` } });
  assert.equal(await sidecar.stop(), 0);

  const seen = new Map(application.requests.map(({ url, headers }) => [url.split("?", 1)[0], headers]));
  for (const path of ["/traced", "/later-version"]) {
    const span = only(receiver.spans, path);
    assert.deepEqual([span.traceId, span.parentId], [TRACE, PARENT]);
    assert.equal(seen.get(path)?.["traceparent"], `00-${TRACE}-${span.spanId}-01`);
  }
  assert.equal(seen.get("/traced")?.["tracestate"], "a=1");
  for (const path of ["/root", "/broken", "/zero"]) {
    const span = only(receiver.spans, path);
    assert.match(span.traceId, /^(?!0{32})[0-9a-f]{32}$/);
    assert.deepEqual([span.traceId === TRACE, span.parentId], [false, ""]);
    assert.equal(seen.get(path)?.["traceparent"], `00-${span.traceId}-${span.spanId}-01`);
    assert.equal(seen.get(path)?.["tracestate"], undefined);
  }
  // A decision not to sample is followed; the application's own parent is still us.
  assert.match(
    String(seen.get("/unsampled")?.["traceparent"]),
    new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-00$`),
  );
  assert.equal(receiver.spans.length, 5);

  const { name, kind, status, attributes, resource, durationMs } = only(receiver.spans, "/traced");
  assert.deepEqual([name, kind, status], ["GET", 2, 0]);
  assert.ok(durationMs > 0 && durationMs < 60_000);
  assert.equal(attributes["http.response.status_code"], 200);
  assert.equal(attributes["postern.policy"], "test/ib");
  assert.equal(attributes["client.address"], "127.0.0.1");
  assert.doesNotMatch(JSON.stringify(attributes), /token/);
  assert.deepEqual([resource["service.name"], resource["k8s.pod.name"]], ["postern", "cart-0"]);
  assert.deepEqual(sidecar.log.all({ event: "request" }), [], "spans do not bring the access log back");
});

test("refusals whose lines are beyond the limit have their span", async () => {
  const mesh = await TestMesh.create();
  await using receiver = await SpanReceiver.start();
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [policy([mutual], [range("127.0.0.1/32"), principal(GATEWAY_NAME)])],
    backends: [{ app: application.port }],
    tls: mesh.own,
    flags: [`--otlp-endpoint=${receiver.url}`, "--drain-delay=0", "--refusal-logs-per-second=1"],
  });
  const tls = await mesh.caller("wrong");
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  const paths = ["/first", "/second", "/third"];
  for (const path of paths) await call({ port: sidecar.port(), tls, path, headers: { traceparent } });
  await sidecar.stop();
  assert.ok(sidecar.log.all({ event: "request" }).length < paths.length);
  for (const path of paths) assert.equal(only(receiver.spans, path).attributes["http.response.status_code"], 403);
});

test("refusals, failures and WebSockets have their span too", async () => {
  const mesh = await TestMesh.create();
  await using receiver = await SpanReceiver.start();
  await using application = await startApplication((request, response) => {
    if (request.url === "/broken") request.socket.destroy();
    else response.end();
  });
  await using sidecar = await startSidecar({
    manifests: [policy([mutual], [range("127.0.0.1/32"), principal(GATEWAY_NAME)])],
    backends: [{ app: application.port }],
    tls: mesh.own,
    flags: [`--otlp-endpoint=${receiver.url}`, "--drain-delay=0"],
  });
  const port = sidecar.port();
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  const tls = await mesh.caller(GATEWAY_NAME);
  await call({ port, tls: await mesh.caller("wrong"), path: "/forbidden", headers: { traceparent } });
  await call({ port, tls, path: "/broken", headers: { traceparent } });
  const socket = new WebSocket(`wss://127.0.0.1:${port}/socket`, {
    cert: tls.pair?.certPem,
    key: tls.pair?.keyPem,
    rejectUnauthorized: false,
  });
  // The application has no WebSockets, and says so with an answer of its own.
  await once(socket, "error");
  await sidecar.stop();

  const forbidden = only(receiver.spans, "/forbidden");
  assert.deepEqual([forbidden.traceId, forbidden.parentId, forbidden.status], [TRACE, PARENT, 0]);
  assert.equal(forbidden.attributes["error.type"], "principal-not-listed");
  assert.equal(forbidden.attributes["http.response.status_code"], 403);
  const broken = only(receiver.spans, "/broken");
  assert.deepEqual([broken.traceId, broken.status, broken.attributes["error.type"]], [TRACE, 2, "upstream-reset"]);
  assert.equal(broken.attributes["http.response.status_code"], 502);
  assert.equal(only(receiver.spans, "/socket").attributes["http.response.status_code"], 200);
});

test("with --trace-ratio=0 no trace that begins here is sampled, and the caller's still is", async () => {
  await using receiver = await SpanReceiver.start();
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: ANYBODY,
    backends: [{ app: application.port }],
    flags: [`--otlp-endpoint=${receiver.url}`, "--drain-delay=0", "--trace-ratio=0"],
  });
  await call({ port: sidecar.port(), path: "/root" });
  await call({ port: sidecar.port(), path: "/traced", headers: { traceparent: `00-${TRACE}-${PARENT}-01` } });
  await sidecar.stop();
  assert.deepEqual(
    receiver.spans.map(({ attributes }) => attributes["url.path"]),
    ["/traced"],
  );
});

test("a receiver that is away costs a line, and neither a request nor the end of the process", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: ANYBODY,
    backends: [{ app: application.port }],
    flags: ["--otlp-endpoint=http://127.0.0.1:9", "--drain-delay=0"],
  });
  for (let count = 0; count < 20; count += 1) assert.equal((await call({ port: sidecar.port() })).status, 200);
  const begun = performance.now();
  assert.equal(await sidecar.stop(), 0);
  assert.ok(performance.now() - begun < 10_000);
  assert.equal(sidecar.log.all({ message: "the last spans could not be delivered" }).length, 1);
  assert.deepEqual(sidecar.log.foreign, []);
});
