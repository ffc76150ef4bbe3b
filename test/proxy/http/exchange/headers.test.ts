/** A request has one identifier, which its application, its caller and its record share. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Recorder } from "../../../support/application/recorder.ts";
import { FrameCaller } from "../../../support/caller/http2-by-hand.ts";
import { FRAME, REQUEST, request } from "../../../support/caller/http2-frames.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { http, policy, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

let application: Recorder;
let sidecar: TestSidecar;

before(async () => {
  application = await Recorder.start();
  sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: ["--access-log=true"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

async function overHttp1(path: string, ids: readonly string[]): Promise<void> {
  const socket = await connect({ port: sidecar.port() });
  const lines = ids.map((id) => `x-request-id: ${id}\r\n`).join("");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${lines}\r\n`);
  assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 200 /);
  socket.destroy();
}

async function overHttp2(path: string, ids: readonly string[]): Promise<void> {
  using caller = await FrameCaller.connect(sidecar.port());
  const lines = REQUEST.map(([name, value]) => [name, name === ":path" ? path : value] as const);
  caller.send(request(1, [...lines, ...ids.map((id) => ["x-request-id", id] as const)]));
  await caller.until(({ type, stream }) => type === FRAME.data && stream === 1);
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

for (const [version, send] of [
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
] as const)
  for (const [name, ids, expected] of [
    ["none", [], UUID],
    ["an empty one", [""], UUID],
    ["two empty ones", ["", ""], UUID],
    ["one of its own", ["mine-1"], /^mine-1$/],
    ["an empty one before its own", ["", "mine-2"], /^mine-2$/],
  ] as const)
    test(`x-request-id, ${name}, over ${version}: one identifier, with the application and in the record`, async () => {
      const path = `/${version.replace("/", "")}/${name.replaceAll(" ", "-")}`;
      await send(path, ids);
      const record = await sidecar.log.next({ event: "request", path });
      const asked = application.requests.find(({ line }) => line.includes(` ${path} `));
      const [id, ...more] = asked?.headers.get("x-request-id") ?? [];
      assert.match(id ?? "", expected);
      assert.deepEqual(more, []);
      assert.equal(record["requestId"], id);
    });
