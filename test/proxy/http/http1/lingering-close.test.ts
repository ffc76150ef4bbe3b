import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { ForwarderRig } from "./forwarder-rig.ts";

const PART = Buffer.alloc(1_000_000, "x");
const LENGTH = 40 * PART.length;

let direct: ForwarderRig;
let node: ForwarderRig;

before(async () => {
  direct = await ForwarderRig.start({}, false);
  node = await ForwarderRig.start({}, true);
});

after(async () => {
  await direct?.[Symbol.asyncDispose]();
  await node?.[Symbol.asyncDispose]();
});

/** A caller that reads nothing before it has sent all, as many do. */
async function upload(rig: ForwarderRig, head: string): Promise<string> {
  const socket = await connect({ port: rig.port });
  socket.on("error", () => undefined).pause();
  socket.write(`${head}\r\ncontent-length: ${LENGTH}\r\n\r\n`, "latin1");
  for (let sent = 0; sent < LENGTH && socket.writable; sent += PART.length)
    if (!socket.write(PART)) await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
  socket.end();
  return (await readToEnd(socket)).text;
}

test("a response that comes before the upload's end reaches a caller that reads it late, on both ways", async () => {
  for (const rig of [direct, node]) {
    const text = await upload(rig, "POST / HTTP/1.1\r\nhost: a\r\nhost: b");
    assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n[^]*more than one Host/);
  }
});
