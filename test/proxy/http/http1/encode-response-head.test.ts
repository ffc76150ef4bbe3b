import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { ForwarderRig } from "./forwarder-rig.ts";

/** Each by the reader that it has: ours, and Node's. */
let rigs: readonly ForwarderRig[];

before(async () => {
  rigs = await Promise.all([false, true].map((withoutDirect) => ForwarderRig.start({}, withoutDirect)));
});

after(async () => {
  for (const rig of rigs ?? []) await rig[Symbol.asyncDispose]();
});

async function headsOf(rig: ForwarderRig, answer: string, requests: readonly string[]): Promise<readonly string[]> {
  rig.recorder.answer = () => answer;
  const socket = await connect({ port: rig.port });
  socket.end(requests.join(""));
  const { text } = await readToEnd(socket);
  return text.split("HTTP/1.1 ").slice(1);
}

test("a 426 has its Upgrade named by Connection, on a connection that goes on and on one that ends", async () => {
  const answer = "HTTP/1.1 426 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\ncontent-length: 0\r\n\r\n";
  for (const rig of rigs) {
    const [kept = "", last = ""] = await headsOf(rig, answer, [
      "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    ]);
    for (const head of [kept, last]) assert.match(head, /^426 [^]*\r\nUpgrade: h2c\r\n/);
    assert.match(kept, /\r\nConnection: keep-alive, upgrade\r\n/);
    assert.match(last, /\r\nConnection: close, upgrade\r\n/);
  }
});

test("a 426 without Upgrade names none, and another status keeps none, nor does a caller of HTTP/1.0 get one", async () => {
  for (const rig of rigs)
    for (const [answer, request] of [
      ["HTTP/1.1 426 x\r\ncontent-length: 0\r\n\r\n", "GET / HTTP/1.1"],
      ["HTTP/1.1 200 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\ncontent-length: 0\r\n\r\n", "GET / HTTP/1.1"],
      ["HTTP/1.1 426 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\ncontent-length: 0\r\n\r\n", "GET / HTTP/1.0"],
    ] as const) {
      const [head = ""] = await headsOf(rig, answer, [`${request}\r\nhost: a\r\nconnection: close\r\n\r\n`]);
      assert.match(head, /^[24]\d\d /);
      assert.doesNotMatch(head, /upgrade:|, upgrade/i);
    }
});

test("a 1xx is its status and its fields, for whichever reader its request came by, and nothing for HTTP/1.0", async () => {
  const answer =
    "HTTP/1.1 102 Wait\r\nx-any: 1\r\n\r\nHTTP/1.1 199 x\r\n\r\nHTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n";
  for (const rig of rigs)
    for (const [request, expected] of [
      ["GET / HTTP/1.1", ["102 Processing\r\nx-any: 1\r\n\r\n", "199 unknown\r\n\r\n"]],
      ["GET http://a/ HTTP/1.1", ["102 Processing\r\nx-any: 1\r\n\r\n", "199 unknown\r\n\r\n"]],
      ["GET / HTTP/1.0", []],
    ] as const) {
      const heads = await headsOf(rig, answer, [`${request}\r\nhost: a\r\nconnection: close\r\n\r\n`]);
      assert.deepEqual(heads.slice(0, -1), expected, request);
      assert.match(heads.at(-1) ?? "", /^200 /);
    }
});
