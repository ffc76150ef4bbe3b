import assert from "node:assert/strict";
import { test } from "node:test";
import { nextHop } from "../../../../src/proxy/http/exchange/max-forwards.ts";
import type { RequestHead } from "../../../../src/proxy/http/exchange/message.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { ForwarderRig } from "../http1/forwarder-rig.ts";

const head = (method: string, ...values: readonly string[]): RequestHead => ({
  method,
  target: "/",
  version: "1.1",
  lines: ["host", "a", ...values.flatMap((value) => ["Max-Forwards", value])],
});

for (const method of ["OPTIONS", "TRACE"])
  test(`${method} goes on with one forward less, and not with none`, () => {
    for (const [value, left] of [
      ["1", "0"],
      ["10", "9"],
      ["007", "6"],
      ["9".repeat(40), "999999"],
    ] as const)
      assert.deepEqual(nextHop(head(method, value)), head(method, left), value);
    assert.equal(nextHop(head(method, "0")), undefined);
    assert.equal(nextHop(head(method, "5", "00")), undefined);
    assert.deepEqual(nextHop(head(method, "3", "2")), head(method, "2", "1"));
  });

test("a head without the field, with another method or with no number in it goes on as it is", () => {
  for (const same of [head("OPTIONS"), head("GET", "0"), head("POST", "3"), head("TRACE", "x"), head("TRACE", "-1")])
    assert.equal(nextHop(same), same);
});

test("the application is told what is left", async () => {
  await using rig = await ForwarderRig.start({}, false);
  const socket = await connect({ port: rig.port });
  socket.end("OPTIONS * HTTP/1.1\r\nhost: a\r\nmax-forwards: 5\r\n\r\n");
  assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 200 /);
  assert.deepEqual(rig.recorder.requests.at(-1)?.headers.get("max-forwards"), ["4"]);
});
