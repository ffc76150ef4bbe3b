/** OSM's fourth fault: Envoy refuses the whole listener, removed addresses stay allowed and new ones closed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { tryCall } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { backend, policy, principal, range, service, slice, withSni } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

/** What made Envoy refuse the listener, one by one. */
const POISON = {
  "overlapping ranges": () =>
    policy([backend("foo", 81, "http")], [range("127.0.0.0/8"), range("127.0.0.0/16"), range("0.0.0.0/0")], "test/x"),
  "server names that differ in case": () => policy([withSni("Foo.org", "foo.ORG")], [principal("x")], "test/x"),
  "a partial wildcard": () => policy([withSni("foo*.org")], [principal("x")], "test/x"),
  "IPv6 endpoints": () => slice("gw-ns/gw", "fd00::1", "fd00::2"),
  "an object without a spec": () => ({ ...policy([], [], "test/x"), spec: null }),
} as const;

for (const [name, poison] of Object.entries(POISON)) {
  test(`${name}: endpoints beside it are still followed`, async () => {
    const mesh = await TestMesh.create();
    await using application = await startApplication();
    const guarded = policy(
      [backend("foo", 80, "https", { skipClientCertValidation: false })],
      [service("gw-ns/gw"), principal(GATEWAY_NAME)],
      "test/a",
      "2026-01-01T00:00:00Z",
    );
    await using sidecar = await startSidecar({
      manifests: [guarded, slice("gw-ns/gw", "127.0.0.10")],
      backends: [{ app: application.port }, { port: 81, app: application.port }],
      tls: mesh.own,
    });
    const tls = await mesh.caller();
    const gets = async (from: string): Promise<unknown> => {
      const outcome = await tryCall({ port: sidecar.port(), from, tls });
      return "status" in outcome ? outcome.status : "closed";
    };
    assert.deepEqual([await gets("127.0.0.10"), await gets("127.0.0.11")], [200, "closed"]);
    await sidecar.apply([guarded, poison(), slice("gw-ns/gw", "127.0.0.11")]);
    assert.deepEqual([await gets("127.0.0.10"), await gets("127.0.0.11")], ["closed", 200]);
  });
}
