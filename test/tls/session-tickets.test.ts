import assert from "node:assert/strict";
import { createSecureContext } from "node:tls";
import { test } from "node:test";
import { backendPort } from "../../src/policy/model.ts";
import type { Credentials } from "../../src/tls/credentials.ts";
import { ticketOptions } from "../../src/tls/session-tickets.ts";

const secret = new Uint8Array(32).fill(1);
const credentials = { generation: 1, trust: "a" } as Credentials;
const scope = { port: backendPort(80), clientCertificate: true };

test("whatever a full handshake would go by has ticket keys and a session context of its own", () => {
  const others = [
    ticketOptions(secret, credentials, scope),
    ticketOptions(secret, { ...credentials, generation: 2 }, scope),
    ticketOptions(secret, { ...credentials, trust: "b" }, scope),
    ticketOptions(secret, credentials, { ...scope, port: backendPort(81) }),
    ticketOptions(secret, credentials, { ...scope, clientCertificate: false }),
  ];
  const keys = others.map(({ ticketKeys }) => ticketKeys!.toString("hex"));
  assert.equal(new Set(keys).size, others.length);
  assert.equal(new Set(others.map(({ sessionIdContext }) => sessionIdContext)).size, others.length);
  const otherProcess = ticketOptions(new Uint8Array(32).fill(2), credentials, scope);
  assert.ok(!keys.includes(otherProcess.ticketKeys!.toString("hex")));
});

test("every thread with the same secret comes to the same, which Node takes", () => {
  const options = ticketOptions(secret, credentials, scope);
  assert.deepEqual(ticketOptions(structuredClone(secret), structuredClone(credentials), { ...scope }), options);
  createSecureContext(options);
});
