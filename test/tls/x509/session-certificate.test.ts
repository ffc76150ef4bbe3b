import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { before, test } from "node:test";
import { connect, createServer, type SecureVersion, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { certificateInSession } from "../../../src/tls/x509/session-certificate.ts";
import { TestAuthority, type KeyPair } from "../../support/mesh/authority.ts";

let authority: TestAuthority;
let own: KeyPair;
let client: KeyPair;

before(async () => {
  authority = await TestAuthority.create();
  own = await authority.issue({ sans: ["dns:own.test"] });
  client = await authority.issue({ sans: ["dns:client.test"] });
});

interface Seen {
  readonly session: Buffer;
  readonly raw: Buffer | undefined;
}

/** The server's session of one handshake, and the certificate as Node reads it. */
async function handshake(version: SecureVersion, shown: KeyPair | undefined): Promise<Seen> {
  const ca = authority.certPem;
  const server = createServer({ cert: own.certPem, key: own.keyPem, ca, requestCert: true, rejectUnauthorized: false });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const caller = connect({
    port,
    host: "127.0.0.1",
    servername: "own.test",
    ca,
    minVersion: version,
    maxVersion: version,
    ...(shown !== undefined && { cert: shown.certPem, key: shown.keyPem }),
  });
  const [socket] = (await once(server, "secureConnection")) as [TLSSocket];
  try {
    const session = socket.getSession();
    assert.ok(session);
    return { session, raw: (socket.getPeerCertificate() as { readonly raw?: Buffer }).raw };
  } finally {
    caller.destroy();
    socket.destroy();
    server.close();
  }
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`the certificate of a ${version} handshake is found in its session, as Node reads it`, async () => {
    const { session, raw } = await handshake(version, client);
    assert.ok(raw);
    assert.deepEqual(Buffer.from(certificateInSession(session) ?? []), raw);
  });

  test(`a ${version} session without a certificate has none`, async () => {
    const { session, raw } = await handshake(version, undefined);
    assert.equal(raw, undefined);
    assert.equal(certificateInSession(session), undefined);
  });
}

test("a session that is cut or has bytes behind its end holds nothing", async () => {
  const { session } = await handshake("TLSv1.3", client);
  for (let length = 0; length < session.length; length += 1)
    assert.equal(certificateInSession(session.subarray(0, length)), undefined);
  assert.equal(certificateInSession(Buffer.concat([session, Buffer.of(0)])), undefined);
});

test("no bytes make the reader throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const wrapped = Uint8Array.of(0x30, 0x81, bytes.length, ...bytes);
      for (const session of [bytes, wrapped]) assert.doesNotThrow(() => certificateInSession(session));
    }),
  );
});
