import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { startApplication } from "../../support/application/application.ts";
import { TestMesh } from "../../support/mesh/mesh.ts";
import { http, policy, range, serverOnly } from "../../support/mesh/objects.ts";
import { startSidecar } from "../../support/process/sidecar.ts";

test("over HTTP a caller that says nothing and ends its side after its handshake is let go within five seconds, in either version", async () => {
  const mesh = await TestMesh.create();
  await using application = await startApplication((_, response) => response.end());
  await using sidecar = await startSidecar({
    manifests: [policy([serverOnly], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    tls: mesh.own,
  });
  // The caller's last flight of the handshake, its end of TLS and that of TCP arrive together.
  await using relay = createServer({ allowHalfOpen: true }, (caller) => {
    const onward = connectTcp({ host: "127.0.0.1", port: sidecar.port(), allowHalfOpen: true });
    const held: Buffer[] = [];
    let isFirst = true;
    onward.pipe(caller);
    caller.on("data", (bytes) => {
      if (isFirst) onward.write(bytes);
      else held.push(bytes);
      isFirst = false;
    });
    caller.on("end", () => onward.end(Buffer.concat(held)));
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  const { port } = relay.address() as AddressInfo;
  for (const protocol of ["http/1.1", "h2"])
    for (let count = 0; count < 10; count += 1) {
      const to = { host: "127.0.0.1", port, allowHalfOpen: true, rejectUnauthorized: false };
      const socket = connectTls({ ...to, ALPNProtocols: [protocol] }, () => socket.end());
      await once(socket.resume(), "end");
      socket.destroy();
      const record = await sidecar.log.next({ event: "connection" });
      assert.ok((record["durationMs"] as number) < 5_000, `${protocol}: ${JSON.stringify(record)}`);
    }
});

test("over plaintext HTTP a caller that leaves within a preface is told from one that says nothing", async () => {
  await using application = await startApplication((_, response) => response.end());
  await using sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: ["--handshake-timeout=300ms"],
  });
  for (const [sent, isEnded, end] of [
    ["", true, "silent"],
    ["PR", true, "protocol-error"],
    ["", false, "silent"],
    ["PR", false, "protocol-error"],
  ] as const) {
    const from = sidecar.log.lines.length;
    const socket = connectTcp({ host: "127.0.0.1", port: sidecar.port(), allowHalfOpen: true });
    await once(socket, "connect");
    if (sent !== "") socket.write(sent);
    if (isEnded) socket.end();
    await once(socket.resume(), "end");
    socket.destroy();
    const record = await sidecar.log.next({ event: "connection" }, { from });
    assert.deepEqual([record["end"], record["bytesIn"]], [end, sent.length]);
  }
});
