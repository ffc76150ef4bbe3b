import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { Handshakes, type HandshakeResult } from "../../../src/proxy/connection/handshakes.ts";
import { readCredentials } from "../../../src/tls/credentials/read-credentials.ts";
import { verifiedPeer } from "../../../src/tls/peer.ts";
import { connect, type CallerTls } from "../../support/caller/caller.ts";
import { clientHello } from "../../support/caller/client-hello.ts";
import { GATEWAY_NAME, TestMesh } from "../../support/mesh/mesh.ts";
import { writeCredentials } from "../../support/process/sidecar.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";

const handshakes = new Handshakes(5_000);
const server = createServer({ allowHalfOpen: true }, (raw) => {
  raw.on("error", () => undefined);
  const terms = { clientCertificate: true, alpn: [], judgeServerName: () => undefined };
  void handshakes.begin(raw, terms).then((result) => server.emit("result", result));
});
let mesh: TestMesh;

before(async () => {
  mesh = await TestMesh.create();
  using directory = temporaryDirectory();
  writeCredentials(directory.path, mesh.own);
  const [cert = "", key = "", ca = ""] = ["tls.crt", "tls.key", "ca.crt"].map((name) => join(directory.path, name));
  handshakes.setCredentials(await readCredentials({ cert, key, ca }, 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => void server.close());

async function handshake(tls: CallerTls): Promise<HandshakeResult> {
  const result = once(server, "result") as Promise<[HandshakeResult]>;
  const socket = await connect({ port: (server.address() as AddressInfo).port, tls }).catch(() => undefined);
  socket?.on("error", () => undefined);
  const [settled] = await result;
  socket?.destroy();
  return settled;
}

interface Handle {
  getPeerX509Certificate: () => unknown;
}

/** Of all sockets: a handle's own property would hide it. */
function prototypeOfHandle(socket: TLSSocket): Handle {
  return Object.getPrototypeOf((socket as unknown as { readonly _handle: object })._handle) as Handle;
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${version}: the method by which Node keeps every client certificate for ever is never called`, async () => {
    const tls = { ...(await mesh.caller()), options: { maxVersion: version } };
    const first = await handshake(tls);
    assert.ok(first.secured);
    const handle = prototypeOfHandle(first.socket);
    const original = handle.getPeerX509Certificate;
    assert.equal(typeof original, "function", "Node has another way by now: look whether it gives back what it takes");
    let calls = 0;
    handle.getPeerX509Certificate = function (this: Handle): unknown {
      calls += 1;
      return original.call(this);
    };
    try {
      const result = await handshake(tls);
      assert.ok(result.secured && result.socket.authorized);
      const { certificate, identity } = verifiedPeer(result.socket, true, result.presented, {});
      assert.deepEqual(certificate, { state: "verified", sans: [{ type: "dns", value: GATEWAY_NAME }] });
      assert.ok((identity?.notAfter ?? 0) > Date.now());
      assert.equal(calls, 0);
    } finally {
      handle.getPeerX509Certificate = original;
    }
  });
}

test("a caller that ends its side before its handshake is over is let go for that, whatever it has sent", async () => {
  const hello = await clientHello();
  for (const sent of [hello.subarray(0, 0), hello.subarray(0, 1), hello.subarray(0, 40), hello]) {
    const result = once(server, "result") as Promise<[HandshakeResult]>;
    const socket = connectTcp({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
    const closed = once(
      socket.resume().on("error", () => undefined),
      "close",
    );
    socket.end(sent);
    const [settled] = await result;
    const expected =
      sent.length === 0
        ? { end: "silent", detail: "closed by the peer before its first byte" }
        : { end: "handshake-failed", detail: "closed by the peer" };
    assert.deepEqual(settled.secured ? undefined : settled.failure, expected);
    socket.destroy();
    await closed;
  }
});

test("a caller without a certificate, or with one of another CA, is not secured; what it showed is known", async () => {
  const bare = await handshake({ ca: mesh.authority.certPem });
  assert.deepEqual([bare.secured, bare.facts.presented], [false, undefined]);
  const other = await (await TestMesh.create("CN=another CA")).caller("evil");
  const untrusted = await handshake({ ...other, ca: mesh.authority.certPem });
  assert.deepEqual([untrusted.secured, untrusted.facts.presented], [false, [{ type: "dns", value: "evil" }]]);
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${version}: the root is not shown with a certificate that it has signed, with or without a server name`, async () => {
    const { pair } = await mesh.caller();
    for (const servername of [undefined, "foo.test"]) {
      const result = once(server, "result");
      // A caller without the root gets no further than what it is shown.
      const options = { maxVersion: version, minVersion: version, rejectUnauthorized: false };
      const { port } = server.address() as AddressInfo;
      const socket = (await connect({
        port,
        tls: { pair, options, ...(servername !== undefined && { servername }) },
      })) as TLSSocket;
      socket.on("error", () => undefined);
      const { issuerCertificate } = socket.getPeerCertificate(true) as { readonly issuerCertificate?: unknown };
      assert.equal(issuerCertificate, undefined);
      await result;
      socket.destroy();
    }
  });
}
