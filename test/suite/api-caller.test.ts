import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { ApiCaller } from "../support/api-server/api-caller.ts";
import { makeCertificate } from "../support/mesh/certificates.ts";

test("a body is sent with its length whatever the method, and the next request on its connection is read", async () => {
  const root = makeCertificate({ subject: "root", ca: true });
  const own = makeCertificate({
    subject: "127.0.0.1",
    issuer: root,
    usage: "server",
    extensions: [["2.5.29.17", false, Buffer.from([0x30, 0x06, 0x87, 0x04, 127, 0, 0, 1])]],
  });
  const server = createServer({ key: own.keyPem, cert: own.certPem }, (request, response) => {
    void text(request).then((body) => response.end(JSON.stringify({ method: request.method, body })));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const api = new ApiCaller({ port: () => port, ca: () => root.certPem, token: "t" });
  try {
    for (const method of ["DELETE", "POST", "DELETE"])
      assert.deepEqual((await api.call(method, "/", { a: "é" })).body, { method, body: '{"a":"é"}' });
    assert.deepEqual((await api.call("GET", "/")).body, { method: "GET", body: "" });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
