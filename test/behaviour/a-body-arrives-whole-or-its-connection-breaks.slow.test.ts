/**
 * Bodies of every size and framing both ways at once, in `http` and `stream`, with and without TLS, by callers and applications
 * that stop and go, and callers that go away at any moment.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { Agent, ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as httpsRequest } from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { startApplication, startTcpApplication } from "../support/application/application.ts";
import { TestMesh } from "../support/mesh/mesh.ts";
import { backend, policy, range, serverOnly } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

const EXCHANGES = 480;
const LANES = 12;
const MOST_BYTES = 6 << 20;
/** Around a record of TLS, a read, and what a socket takes. */
const SIZES = [0, 1, 5_000, 16_384, 70_000, 1 << 20, MOST_BYTES];
const WRITES = [4_096, 16_384, 16_385, 65_536, 300_000];
const ONE_IN_TEN_LEAVES = 10;
const LEAVES_WITHIN_MS = 40;

const source = randomBytes(MOST_BYTES + 1_000);
const oneOf = (sizes: readonly number[]): number => sizes[randomInt(sizes.length)]!;
const digest = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

/** Stops now and then, as slow peers do. */
async function dawdle(): Promise<void> {
  if (randomInt(100) === 0) await delay(randomInt(20));
}

async function* inParts(data: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length;) {
    const part = data.subarray(at, at + oneOf(WRITES));
    at += part.length;
    yield part;
    await dawdle();
  }
}

async function* dawdling(from: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const part of from) {
    yield part;
    await dawdle();
  }
}

async function readAll(from: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of from) {
    parts.push(Buffer.from(part as Buffer));
    await dawdle();
  }
  return Buffer.concat(parts);
}

async function overHttp(request: ClientRequest, data: Buffer): Promise<Buffer> {
  const response = once(request, "response") as Promise<[IncomingMessage]>;
  const [[message]] = await Promise.all([response, pipeline(inParts(data), request)]);
  return readAll(message);
}

async function overStream(socket: Socket, data: Buffer): Promise<Buffer> {
  const [received] = await Promise.all([readAll(socket), pipeline(inParts(data), socket)]);
  return received;
}

test("every body comes back whole unless its caller left, and no connection is left over", async () => {
  const mesh = await TestMesh.create();
  await using web = await startApplication((request, response) => {
    // Whoever leaves breaks the echo.
    void pipeline(request, dawdling, response).catch(() => response.destroy());
  });
  await using echo = await startTcpApplication((socket) => socket.pipe(socket));
  await using sidecar = await startSidecar({
    manifests: [
      policy([serverOnly], [range("127.0.0.0/8")], "test/http-tls"),
      policy(
        [backend("foo", 81, "https", { skipClientCertValidation: true })],
        [range("127.0.0.0/8")],
        "test/stream-tls",
      ),
      policy([backend("foo", 82, "http"), backend("foo", 83, "http")], [range("127.0.0.0/8")], "test/plain"),
    ],
    backends: [
      { port: 80, app: web.port },
      { port: 81, app: echo.port, forward: "stream" },
      { port: 82, app: web.port },
      { port: 83, app: echo.port, forward: "stream" },
    ],
    tls: mesh.own,
  });
  using agents = new DisposableStack();
  const plainAgent = agents.adopt(new Agent({ keepAlive: true }), (agent) => agent.destroy());
  const tlsAgent = agents.adopt(new TlsAgent({ keepAlive: true }), (agent) => agent.destroy());

  const ask = (isTls: boolean, data: Buffer): ClientRequest => {
    const to = { host: "127.0.0.1", port: sidecar.port(isTls ? 80 : 82), method: "POST" };
    const headers = randomInt(2) === 0 ? { "content-length": data.length } : { "transfer-encoding": "chunked" };
    return isTls
      ? httpsRequest({ ...to, headers, agent: tlsAgent, rejectUnauthorized: false })
      : httpRequest({ ...to, headers, agent: plainAgent });
  };
  const enter = (isTls: boolean): Socket => {
    const to = { host: "127.0.0.1", port: sidecar.port(isTls ? 81 : 83), allowHalfOpen: true };
    return isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connectTcp(to);
  };
  const faults: string[] = [];
  let whole = 0;
  const exchange = async (lane: number): Promise<void> => {
    const [isTls, isHttp] = [lane % 4 < 2, lane % 2 === 0];
    const length = oneOf(SIZES) + randomInt(100);
    const at = randomInt(source.length - length + 1);
    const data = source.subarray(at, at + length);
    const carrier = isHttp ? ask(isTls, data) : enter(isTls);
    carrier.on("error", () => undefined);
    const leaves = randomInt(ONE_IN_TEN_LEAVES) === 0;
    if (leaves) setTimeout(() => carrier.destroy(), randomInt(LEAVES_WITHIN_MS));
    const exchanged = carrier instanceof ClientRequest ? overHttp(carrier, data) : overStream(carrier, data);
    const outcome = await exchanged.then(digest, String);
    if (outcome === digest(data)) whole += 1;
    else if (!leaves) faults.push(`${isHttp ? "http" : "stream"} ${isTls ? "TLS" : "plain"} ${length}: ${outcome}`);
    if (!isHttp) carrier.destroy();
  };
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let count = 0; count < EXCHANGES / LANES; count += 1) await exchange(lane);
    }),
  );
  assert.deepEqual(faults, []);
  assert.ok(whole >= EXCHANGES * 0.8, `${whole} of ${EXCHANGES} were compared`);
  agents.dispose();
  assert.equal(await sidecar.stop(), 0);
  assert.deepEqual(
    sidecar.log.all({ message: "drained" }).map(({ cut }) => cut),
    [0],
  );
  for (const end of ["handshake-timeout", "internal-error", "drained"])
    assert.deepEqual(sidecar.log.all({ event: "connection", end }), []);
});
