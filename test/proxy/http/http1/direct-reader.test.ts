import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { ForwarderRig } from "./forwarder-rig.ts";

let rig: ForwarderRig;

before(async () => {
  rig = await ForwarderRig.start({ headerTimeoutMs: 400, requestIdleTimeoutMs: 400, idleTimeoutMs: 500 }, false);
});

after(() => rig?.[Symbol.asyncDispose]());

const GET = "GET /a HTTP/1.1\r\nhost: a\r\n\r\n";
const LAST = "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

async function send(bytes: string): Promise<string> {
  const socket = await connect({ port: rig.port });
  socket.write(bytes, "latin1");
  return (await readToEnd(socket)).text;
}

/** Waits for so many responses of the usual form. */
async function responses(socket: Socket, count: number): Promise<string> {
  let text = "";
  while (text.split("\r\n\r\nok").length <= count) text += String((await once(socket, "data"))[0]);
  return text;
}

test("a small response is one write, with the fields that Node's server adds", async () => {
  const socket = await connect({ port: rig.port });
  socket.write(GET);
  const [first] = (await once(socket, "data")) as [Buffer];
  assert.match(
    first.toString(),
    /^HTTP\/1\.1 200 OK\r\ncontent-length: 2\r\nDate: [^\r]+ GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=0\r\n\r\nok$/,
  );
  socket.destroy();
});

test("what the subset does not know goes to Node's server untouched, behind requests that do not", async () => {
  const before = rig.recorder.requests.length;
  const text = await send(
    `${GET}POST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nbb\r\n0\r\n\r\n` +
      `GET http://a/c HTTP/1.1\r\nhost: a\r\n\r\n${LAST}`,
  );
  assert.equal(text.split("\r\n\r\nok").length, 5);
  assert.deepEqual(
    rig.recorder.requests.slice(before).map(({ line, body }) => `${line} ${body}`),
    ["GET /a HTTP/1.1 ", "POST /b HTTP/1.1 bb", "GET /c HTTP/1.1 ", "GET /last HTTP/1.1 "],
  );
});

test("trailers of a request reach the application, without those that are for heads or for us alone", async () => {
  for (const first of ["POST /t HTTP/1.1", "POST http://a/t HTTP/1.1"]) {
    const lines = "host: a\r\ntransfer-encoding: chunked\r\nconnection: close, x-hop";
    const trailers =
      "X-A: 1\r\nx-a: 2\r\nx-forwarded-client-cert: Hash=1\r\nX_Forwarded_Client_Cert: b\r\nx-hop: 1\r\nauthorization: c\r\n";
    await send(`${first}\r\n${lines}\r\n\r\n1\r\nx\r\n0\r\n${trailers}\r\n`);
    assert.equal(rig.recorder.requests.at(-1)?.trailers, "x-a: 1\r\nx-a: 2\r\n", first);
  }
});

test("a body whose framing breaks is 400 with a record, and nothing behind it is a message", async () => {
  const before = rig.recorder.requests.length;
  const text = await send(`POST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nbbx\r\n${GET}`);
  assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close[^]*malformed request/);
  assert.equal(rig.recorder.requests.length, before);
  assert.equal(rig.records.at(-1)?.status, 400);
});

test("a caller that ends its side in the midst of a request gets 400; behind one, its response", async () => {
  for (const part of [
    "GET / HT",
    "GET / HTTP/1.1\r\nhost: a\r\nx",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nab",
  ]) {
    const socket = await connect({ port: rig.port });
    socket.end(part);
    assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 400 Bad Request\r\n/, part);
  }
  const socket = await connect({ port: rig.port });
  socket.end(`${GET}${GET}`);
  assert.equal((await readToEnd(socket)).text.split("\r\n\r\nok").length, 3);
});

test("a head that stops is 408, garbage is 400 before its head has ended, and an unused connection is closed", async () => {
  assert.match(
    await send("GET / HTTP/1.1\r\nhost: a\r\nx: y"),
    /^HTTP\/1\.1 408 Request Timeout\r\n[^]*stream timeout/,
  );
  for (const garbage of ["\0\x01\x02", "GET /\x07", "GET / HTTP/1.1\r\nhost: a\r\nx : y\r\n", "\x16\x03\x01"])
    assert.match(await send(garbage), /^HTTP\/1\.1 400 Bad Request\r\n/, JSON.stringify(garbage));
  const socket = await connect({ port: rig.port });
  socket.write(GET);
  await responses(socket, 1);
  assert.equal((await readToEnd(socket)).text, "");
});

test("several spaces in a request line are 400 with a record, at whatever bytes it is split and behind what else", async () => {
  for (const request of ["GET  /a HTTP/1.1\r\nhost: a\r\n\r\n", "OPTIONS *  HTTP/1.1\r\nhost: a\r\n\r\n"])
    for (let at = 4; at < request.length; at += 3) {
      const [before, records] = [rig.recorder.requests.length, rig.records.length];
      const socket = await connect({ port: rig.port });
      socket.write(request.slice(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      socket.write(request.slice(at));
      assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 400 Bad Request\r\n[^]*malformed request/, `${at}`);
      assert.equal(rig.recorder.requests.length, before);
      assert.deepEqual(
        rig.records.slice(records).map(({ status, reason }) => [status, reason]),
        [[400, "protocol-error"]],
      );
    }
  assert.match(await send(`${GET}GET /  HTTP/1.1\r\nhost: a\r\n\r\n`), /ok[^]*HTTP\/1\.1 400 [^]*malformed request/);
});

test("a head that comes a byte at a time is read as one that comes at once", async () => {
  const socket = await connect({ port: rig.port });
  for (const byte of LAST) {
    socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nok$/);
});
