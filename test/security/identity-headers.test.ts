/** Nobody but Postern says who the caller is: no spelling, twin, repetition, trailer or Connection trick changes that. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { Recorder } from "../support/application/recorder.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";

let mesh: TestMesh;
let recorder: Recorder;
let sidecar: TestSidecar;

before(async () => {
  mesh = await TestMesh.create();
  recorder = await Recorder.start();
  sidecar = await startSidecar({
    manifests: [policy([mutual], [range("127.0.0.0/8"), principal(GATEWAY_NAME)])],
    backends: [{ app: recorder.port }],
    tls: mesh.own,
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await recorder?.[Symbol.asyncDispose]();
});

const forgeries = [
  "x-forwarded-client-cert: By=forged",
  "X-FORWARDED-CLIENT-CERT: By=forged",
  "x_forwarded_client_cert: By=forged",
  "x-forwarded_client-cert: By=forged",
  "x-forwarded-client-cert: By=forged\r\nX-Forwarded-Client-Cert: By=forged too",
  "connection: x-forwarded-client-cert\r\nx-forwarded-client-cert: By=forged",
  "connection: close, X-Forwarded-Client-Cert",
  "connection: x-forwarded-for, host, content-length",
  "x-envoy-internal: true",
  "x_envoy_internal: true",
];

for (const forgery of forgeries) {
  test(JSON.stringify(forgery), async () => {
    const socket = await connect({ port: sidecar.port(), tls: await mesh.caller() });
    socket.write(`POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n${forgery}\r\n\r\nb`);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    const { headers, body } = recorder.requests.at(-1)!;
    assert.equal(body, "b");
    const twins = [...headers].filter(([name]) => name.replaceAll("_", "-") === "x-forwarded-client-cert");
    assert.equal(twins.length, 1);
    assert.equal(twins[0]?.[1].length, 1);
    assert.match(twins[0]?.[1][0] ?? "", /^Hash=[0-9a-f]{64};DNS=gw\.gw-ns\.cluster\.local$/);
    assert.equal(headers.get("x-envoy-internal") ?? headers.get("x_envoy_internal"), undefined);
    assert.deepEqual([headers.get("host"), headers.get("content-length")], [["a"], ["1"]]);
    for (const name of ["connection", "te", "upgrade", "expect"]) {
      const values = headers.get(name);
      assert.ok(
        values === undefined || (name === "connection" && values.join() === "keep-alive"),
        `${name}: ${values?.join()}`,
      );
    }
    assert.deepEqual(recorder.rubbish, []);
  });
}
