import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ClientHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { startTcpApplication } from "../../../support/application/application.ts";
import { startUnanswering } from "../../../support/application/unanswering.ts";
import { switchFor } from "../../../support/application/websocket-switch.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { GATEWAY_NAME, TestMesh } from "../../../support/mesh/mesh.ts";
import { backend, mutual, policy, principal, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

let mesh: TestMesh;
let sidecar: TestSidecar;
const server = createServer((request, response) => response.end(request.url));
const sockets = new WebSocketServer({ server, handleProtocols: () => "chat" });
const upgrades: { readonly url: string; readonly rawHeaders: readonly string[] }[] = [];

const granting = (name: string) => [
  policy([mutual], [range("127.0.0.0/8"), principal(name)], "test/tls"),
  policy([backend("foo", 81, "http")], [range("127.0.0.0/8")], "test/plain"),
];

before(async () => {
  mesh = await TestMesh.create();
  sockets.on("connection", (socket, request) => {
    upgrades.push({ url: request.url ?? "", rawHeaders: request.rawHeaders });
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  sidecar = await startSidecar({
    manifests: granting(GATEWAY_NAME),
    backends: [{ app: port }, { port: 81, app: port }],
    tls: mesh.own,
  });
});

after(async () => {
  for (const client of sockets.clients) client.terminate();
  await sidecar?.[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

async function overHttp1(headers: Record<string, string> = {}): Promise<WebSocket> {
  const { ca, pair } = await mesh.caller();
  const socket = new WebSocket(`wss://127.0.0.1:${sidecar.port()}/chat?room=1`, ["chat"], {
    ca,
    cert: pair.certPem,
    key: pair.keyPem,
    checkServerIdentity: () => undefined,
    headers,
  } as object);
  await once(socket, "open");
  return socket;
}

/** The WebSocket library on a stream of HTTP/2, as RFC 8441 has it. */
async function overHttp2(caller: Http2Caller): Promise<WebSocket> {
  if (caller.session.remoteSettings.enableConnectProtocol !== true) await once(caller.session, "remoteSettings");
  const stream = caller.open({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":path": "/chat?room=2",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "chat",
  });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 200);
  assert.equal(headers["sec-websocket-protocol"], "chat");
  for (const name of ["connection", "upgrade", "sec-websocket-accept"]) assert.equal(headers[name], undefined, name);
  const socket = new WebSocket(null as unknown as string, undefined, {});
  // Without an address the library takes itself for the server's side.
  Object.assign(socket, { _isServer: false });
  const { setSocket } = socket as unknown as {
    setSocket: (stream: ClientHttp2Stream, head: Buffer, options: object) => void;
  };
  setSocket.call(socket, stream, Buffer.alloc(0), { maxPayload: 10_000_000, skipUTF8Validation: false });
  return socket;
}

async function echo(socket: WebSocket, message: string | Buffer): Promise<Buffer> {
  const answer = once(socket, "message") as Promise<[Buffer]>;
  socket.send(message);
  return (await answer)[0];
}

test("a WebSocket over HTTP/1.1: messages both ways, with the caller's identity and nothing forged", async () => {
  const socket = await overHttp1({ "X-Forwarded-Client-Cert": "By=forged", x_forwarded_client_cert: "By=twin" });
  assert.equal(socket.protocol, "chat");
  assert.equal(String(await echo(socket, "hello")), "hello");
  const large = Buffer.alloc(1_000_000, 7);
  assert.ok((await echo(socket, large)).equals(large));
  const { url, rawHeaders } = upgrades.at(-1)!;
  assert.equal(url, "/chat?room=1");
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase().replaceAll("_", "-"));
  const at = names.indexOf("x-forwarded-client-cert");
  assert.match(rawHeaders[at * 2 + 1] ?? "", /^Hash=[0-9a-f]{64};DNS=gw\./);
  assert.equal(names.filter((name) => name === "x-forwarded-client-cert").length, 1);
  socket.close(1000, "bye");
  const [code] = (await once(socket, "close")) as [number];
  assert.equal(code, 1000);
});

test("a WebSocket over HTTP/2's extended CONNECT, beside other streams of its connection", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const socket = await overHttp2(caller);
  assert.equal(String(await echo(socket, "hello")), "hello");
  const large = Buffer.alloc(1_000_000, 9);
  assert.ok((await echo(socket, large)).equals(large));
  assert.equal((await caller.call({ ":path": "/beside" })).body.toString(), "/beside");
  assert.equal(String(await echo(socket, "still here")), "still here");
  assert.equal(upgrades.at(-1)?.url, "/chat?room=2");
  socket.close(1000);
  await once(socket, "close");
});

test("an extended CONNECT that the application does not take for an upgrade gets its answer", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  await caller.call();
  const stream = caller.open({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":path": "/",
    // No version that the library knows.
    "sec-websocket-version": "99",
  });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 400);
  assert.equal((await caller.call()).status, 200);
});

test("the caller's end is the application's end, and the reverse", async () => {
  const leaving = await overHttp1();
  const [atServer] = [...sockets.clients];
  const gone = once(atServer!, "close");
  leaving.terminate();
  await gone;

  const staying = await overHttp1();
  const closed = once(staying, "close");
  for (const client of sockets.clients) client.terminate();
  await closed;
});

test("an application that is not there answers 503", async () => {
  await using alone = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: 1 }],
  });
  const socket = await connect({ port: alone.port() });
  socket.write(
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n",
  );
  socket.write("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
});

test("a handshake may take as long as any response; to connect it has as long as any connection", async () => {
  await using slow = await startTcpApplication((socket) => {
    socket.once("data", (head: Buffer) => {
      const answer = /upgrade: websocket/i.test(head.toString("latin1"))
        ? switchFor(head.toString("latin1"))
        : "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
      setTimeout(() => socket.end(answer), 1_200);
    });
  });
  await using nowhere = await startUnanswering();
  await using behind = await startSidecar({
    manifests: [80, 81].map((port) => policy([backend("foo", port, "http")], [range("127.0.0.0/8")], `test/p${port}`)),
    backends: [{ app: slow.port }, { port: 81, app: nowhere.port }],
    flags: ["--connect-timeout=400ms", "--response-idle-timeout=5s"],
  });
  const upgrade =
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const ask = async (port: number, bytes: string): Promise<string> => {
    const socket = await connect({ port: behind.port(port) });
    socket.write(bytes);
    const [first] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    return first.toString("latin1");
  };
  assert.match(await ask(80, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"), /^HTTP\/1\.1 200 /);
  assert.match(await ask(80, upgrade), /^HTTP\/1\.1 101 /);
  await using caller = await Http2Caller.connect(behind.port());
  if (caller.session.remoteSettings.enableConnectProtocol !== true) await once(caller.session, "remoteSettings");
  const stream = caller.open({ ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http" });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 200);
  stream.end();
  const startedAt = performance.now();
  assert.match(await ask(81, upgrade), /^HTTP\/1\.1 503 /);
  assert.ok(performance.now() - startedAt < 4_000);
});

test("other protocols are not upgraded to: the request is answered as if it had not asked", async () => {
  const before = upgrades.length;
  for (const upgrade of ["h2c", "tls/1.0", "websocket2"]) {
    const socket = await connect({ port: sidecar.port(81) });
    socket.write(
      `GET /plain HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings, close\r\nupgrade: ${upgrade}\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n`,
    );
    const { text } = await readToEnd(socket);
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*\/plain$/, upgrade);
  }
  assert.equal(upgrades.length, before);
});

test("a right that ends cuts WebSockets within two seconds, over either version", async () => {
  const first = await overHttp1();
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const second = await overHttp2(caller);
  first.on("error", () => undefined);
  second.on("error", () => undefined);
  const closed = Promise.all([once(first, "close"), once(second, "close")]);
  const startedAt = performance.now();
  await sidecar.apply(granting("somebody.else"));
  await closed;
  assert.ok(performance.now() - startedAt < 2_000);
});
