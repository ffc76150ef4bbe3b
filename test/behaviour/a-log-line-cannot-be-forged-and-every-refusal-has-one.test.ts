/** OSM's eighth fault: a header forges the logged path, and a failed handshake leaves an empty line. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { call, tryCall } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { backend, http, mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { freePorts } from "../support/process/ports.ts";
import { startSidecar } from "../support/process/sidecar.ts";

test("headers that name another path, address or identity change none of these in the access log", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.1/32")])],
    backends: [{ app: application.port }],
  });
  await call({
    port: sidecar.port(),
    path: "/real?secret=1",
    headers: {
      "x-envoy-original-path": "/forged",
      "x-original-url": "/forged",
      "x-rewrite-url": "/forged",
      "x-forwarded-for": "127.9.9.9",
      "x-real-ip": "127.9.9.9",
      "x-forwarded-client-cert": "By=forged",
      forwarded: "for=127.9.9.9",
    },
  });
  const line = await sidecar.log.next({ event: "request" });
  assert.deepEqual([line["path"], line["address"], line["principal"]], ["/real", "127.0.0.1", undefined]);
  const headers = application.requests[0]?.headers ?? {};
  assert.equal(headers["x-envoy-original-path"], undefined);
  assert.equal(headers["x-forwarded-client-cert"], undefined);
});

test("control characters and quotes in what a caller sends stay inside one JSON value", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.1/32")])],
    backends: [{ app: application.port }],
  });
  const evil = '/"},{"level":"info","event":"forged"}';
  await call({ port: sidecar.port(), path: encodeURI("/a\n") + evil, headers: { "user-agent": `x${evil}` } });
  const line = await sidecar.log.next({ event: "request" });
  assert.equal(line["path"], `/a%0A${evil}`);
  assert.equal(sidecar.log.all({ event: "forged" }).length, 0);
  assert.deepEqual(sidecar.log.foreign, []);
});

test("a failed handshake is written down with who it was, what was shown and why it was refused", async () => {
  const mesh = await TestMesh.create();
  const other = await TestMesh.create("CN=another CA");
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [policy([mutual], [range("127.0.0.1/32"), principal(GATEWAY_NAME)])],
    backends: [{ app: application.port }],
    tls: mesh.own,
  });
  const port = sidecar.port();
  await tryCall({ port, tls: { ca: mesh.authority.certPem, servername: "app.test" } });
  const missing = await sidecar.log.next({ event: "connection", reason: "certificate-missing" });
  assert.deepEqual([missing["address"], missing["policy"], missing["sni"]], ["127.0.0.1", "test/ib", "app.test"]);

  await tryCall({ port, tls: { ...(await other.caller("evil")), ca: mesh.authority.certPem } });
  const untrusted = await sidecar.log.next({ event: "connection", reason: "certificate-untrusted" });
  assert.deepEqual([untrusted["policy"], untrusted["sans"]], ["test/ib", ["dns:evil"]]);

  await tryCall({ port, tls: await mesh.caller("wrong") });
  const wrong = await sidecar.log.next({ event: "request", reason: "principal-not-listed" });
  assert.deepEqual([wrong["sans"], wrong["policy"], wrong["status"]], [["dns:wrong"], "test/ib", 403]);
  assert.match(String(wrong["nearest"]), /wrong/);
});

test("refusals of one source beyond the limit are counted, not written", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.1/32")])],
    backends: [{ app: application.port }],
    flags: ["--refusal-logs-per-second=2"],
  });
  for (let attempt = 0; attempt < 30; attempt += 1) await tryCall({ port: sidecar.port(), from: "127.0.0.66" });
  await sidecar.log.next({ event: "connection", end: "refused" });
  const text = await (await sidecar.admin("/metrics")).text();
  assert.match(text, /postern_connections_total\{[^}]*reason="source-not-listed"[^}]*\} 30/);
  const written = sidecar.log.all({ event: "connection", end: "refused" }).length;
  assert.ok(written >= 2 && written < 30, `${written} lines`);
});

test("an IPv4 caller of a listener for both families is written as policies write it", async () => {
  await using application = await startApplication();
  const [port = 0] = await freePorts(1);
  await using sidecar = await startSidecar({
    manifests: [policy([http, backend("foo", 81, "http")], [range("127.0.0.1/32")])],
    backends: [{ app: application.port }],
    flags: [`--backend=port=81,listen=[::]:${port},app=127.0.0.1:${application.port}`],
  });
  await call({ port, path: "/mapped" });
  assert.equal((await sidecar.log.next({ event: "request", path: "/mapped" }))["address"], "127.0.0.1");
  await tryCall({ port, from: "127.0.0.66" });
  const refused = await sidecar.log.next({ event: "connection", end: "refused" });
  assert.deepEqual([refused["address"], refused["port"]], ["127.0.0.66", 81]);
  assert.doesNotMatch(sidecar.log.toString(), /::ffff/);
});
