/** OSM's fifth fault: silent connections of a removed gateway lived for minutes, and those of others were drained. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { startApplication, startTcpApplication } from "../support/application/application.ts";
import { connect, exchange, readToEnd } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import {
  backend,
  http,
  mutual,
  policy,
  principal,
  range,
  service,
  slice,
  type Manifest,
} from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

const LEAVING = "127.0.0.10";
const STAYING = "127.0.0.11";
const both = slice("gw-ns/gw", LEAVING, STAYING);
const one = slice("gw-ns/gw", STAYING);
const byAddress = policy([http], [service("gw-ns/gw")]);

/** A second, and time for a busy machine to notice; less than the grace of an answer in flight. */
const CUT_WITHIN_MS = 5_000;

/** Publishes the manifests; the connection must end soon after they are in force. */
async function endsWith(socket: Socket, sidecar: TestSidecar, manifests: readonly Manifest[]): Promise<void> {
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket
    .resume()
    .on("error", () => undefined)
    .once("end", () => socket.end());
  await sidecar.apply(manifests);
  const publishedAt = performance.now();
  await closed;
  const lasted = performance.now() - publishedAt;
  assert.ok(lasted < CUT_WITHIN_MS, `the connection ended ${lasted} ms after its right`);
}

test("an idle http connection of a removed endpoint is closed; its neighbour goes on", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [byAddress, both],
    backends: [{ app: application.port }],
    workers: 2,
  });
  const port = sidecar.port();
  const leaving = await connect({ port, from: LEAVING });
  const staying = await connect({ port, from: STAYING });
  assert.equal((await exchange(leaving, {})).status, 200);
  assert.equal((await exchange(staying, {})).status, 200);

  await endsWith(leaving, sidecar, [byAddress, one]);
  assert.equal((await exchange(staying, {})).status, 200);
  staying.destroy();
  const line = await sidecar.log.next({ event: "connection", end: "revoked", address: LEAVING });
  assert.equal(line["reason"], "source-not-listed");
  assert.equal(line["policy"], "test/ib");
  assert.equal(sidecar.log.all({ event: "connection", end: "revoked" }).length, 1);
});

test("an edit that changes nothing for a connection costs it nothing", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({ manifests: [byAddress, both], backends: [{ app: application.port }] });
  const socket = await connect({ port: sidecar.port(), from: STAYING });
  for (const manifests of [
    [byAddress, one],
    [policy([http], [range("127.0.0.0/24"), service("gw-ns/gw")]), both],
    [policy([http], [range(`${STAYING}/32`)]), both],
    [policy([http], [service("gw-ns/gw")], "test/renamed"), both],
  ]) {
    await sidecar.apply(manifests);
    const answer = await exchange(socket, {});
    assert.deepEqual([answer.status, answer.headers.connection], [200, "keep-alive"]);
  }
  socket.destroy();
});

test("an answer in flight may be finished, the next request on its connection is not forwarded", async () => {
  let answering: ServerResponse | undefined;
  await using application = await startApplication((_request, response) => {
    answering = response;
    response.writeHead(200, { "content-length": "10" }).write("first");
  });
  await using sidecar = await startSidecar({ manifests: [byAddress, both], backends: [{ app: application.port }] });
  const socket = await connect({ port: sidecar.port(), from: LEAVING });
  socket.write("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(socket, "readable");
  await sidecar.apply([byAddress, one]);
  socket.write("GET /next HTTP/1.1\r\nhost: a\r\n\r\n");
  await until("the next request has arrived", async () => {
    const { connections } = await sidecar.adminJson<{ connections: readonly { bytesIn: number }[] }>("/connections");
    return connections[0]?.bytesIn === socket.bytesWritten;
  });
  answering?.end("-last");
  const { text } = await readToEnd(socket);
  assert.match(text, /first-last$/);
  assert.deepEqual(
    application.requests.map(({ url }) => url),
    ["/slow"],
  );
});

test("an answer that outlives the grace is cut", async () => {
  await using application = await startApplication((_request, response) => {
    response.writeHead(200, { "content-length": "10" }).write("first");
  });
  await using sidecar = await startSidecar({
    manifests: [byAddress, both],
    backends: [{ app: application.port }],
    flags: ["--revoke-grace=200ms"],
  });
  const socket = await connect({ port: sidecar.port(), from: LEAVING });
  socket.write("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(socket, "readable");
  const end = readToEnd(socket);
  await sidecar.apply([byAddress, one]);
  assert.equal((await end).end, "ECONNRESET");
});

test("an event stream gets no grace", async () => {
  await using application = await startApplication((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
  });
  await using sidecar = await startSidecar({ manifests: [byAddress, both], backends: [{ app: application.port }] });
  const socket = await connect({ port: sidecar.port(), from: LEAVING });
  socket.write("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(socket, "readable");
  await endsWith(socket, sidecar, [byAddress, one]);
});

test("a stream is cut in both directions, with a reset", async () => {
  let atApplication: Promise<string> | undefined;
  await using application = await startTcpApplication((socket) => {
    socket.write("hello");
    atApplication = readToEnd(socket).then(({ end }) => end);
  });
  await using sidecar = await startSidecar({
    manifests: [byAddress, both],
    backends: [{ app: application.port, forward: "stream" }],
  });
  const socket = await connect({ port: sidecar.port(), from: LEAVING });
  socket.write("x");
  await once(socket, "readable");
  const end = readToEnd(socket);
  await sidecar.apply([byAddress, one]);
  assert.equal((await end).end, "ECONNRESET");
  assert.equal(await atApplication, "ECONNRESET");
});

test("a principal that is struck off the list loses its connections, the others keep theirs", async () => {
  const mesh = await TestMesh.create();
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [policy([mutual], [principal(GATEWAY_NAME), principal("other")])],
    backends: [{ app: application.port }],
    tls: mesh.own,
  });
  const port = sidecar.port();
  const leaving = await connect({ port, tls: await mesh.caller("other") });
  const staying = await connect({ port, tls: await mesh.caller() });
  assert.equal((await exchange(leaving, {})).status, 200);
  await endsWith(leaving, sidecar, [policy([mutual], [principal(GATEWAY_NAME)])]);
  assert.equal((await exchange(staying, {})).status, 200);
  staying.destroy();
});

test("a deleted object, and one that changes to another protocol, end what they had let in", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({ manifests: [byAddress, both], backends: [{ app: application.port }] });
  for (const change of [[both], [policy([backend("foo", 80, "https")], [principal("x")]), both]]) {
    await sidecar.apply([byAddress, both]);
    const socket = await connect({ port: sidecar.port(), from: STAYING });
    assert.equal((await exchange(socket, {})).status, 200);
    await endsWith(socket, sidecar, change);
  }
});
