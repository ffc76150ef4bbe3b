import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { judgeHead } from "../../../../src/proxy/http/exchange/request-head.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { ForwarderRig } from "../http1/forwarder-rig.ts";

let rig: ForwarderRig;

before(async () => {
  rig = await ForwarderRig.start({}, false);
});

after(() => rig?.[Symbol.asyncDispose]());

async function send(text: string): Promise<string> {
  const socket = await connect({ port: rig.port });
  socket.end(text);
  return (await readToEnd(socket)).text;
}

const hosts = (): readonly string[] | undefined => rig.recorder.requests.at(-1)?.headers.get("host");

for (const [target, host, line] of [
  ["http://x.y/z", "x.y", "GET /z HTTP/1.1"],
  ["http://X.y:8080", "X.y:8080", "GET / HTTP/1.1"],
  ["HTTPS://[::1]?q", "[::1]", "GET /?q HTTP/1.1"],
] as const)
  test(`${target} of HTTP/1.0 without Host: the application's Host is ${host}`, async () => {
    assert.match(await send(`GET ${target} HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 200 /);
    assert.deepEqual([rig.recorder.requests.at(-1)?.line, hosts()], [line, [host]]);
  });

test("HTTP/1.0 without Host in origin-form gets the application's own", async () => {
  assert.match(await send("GET /z HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /);
  assert.deepEqual(hosts(), [`127.0.0.1:${rig.recorder.port}`]);
});

test("an authority that could be no Host is 400, and so is its absence beside an absolute-form target of HTTP/1.1", () => {
  for (const target of ["http://u@a/", "http://a:b/", "http://a,b:c/", "http://a\\b/"])
    assert.deepEqual(judgeHead({ method: "GET", target, version: "1.0", lines: [] }, 100), {
      ok: false,
      status: 400,
      reason: "invalid request target",
    });
  assert.equal(judgeHead({ method: "GET", target: "http://a/", version: "1.1", lines: [] }, 100).ok, false);
});
