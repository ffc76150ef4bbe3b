/** OSM's second fault: listener and routes each take an object at random, and a request that neither allows gets 200. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { tryCall } from "../support/caller/caller.ts";
import { TestMesh } from "../support/mesh/mesh.ts";
import { mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

test("the older object governs alone, however often and in whatever order they are read", async () => {
  const mesh = await TestMesh.create();
  await using application = await startApplication();
  const older = policy([mutual], [range("127.1.0.0/16"), principal("a")], "test/older", "2026-01-01T00:00:00Z");
  const younger = policy([mutual], [range("127.2.0.0/16"), principal("b")], "test/younger", "2026-02-01T00:00:00Z");
  await using sidecar = await startSidecar({
    manifests: [],
    backends: [{ app: application.port }],
    tls: mesh.own,
  });
  const [a, b] = [await mesh.caller("a"), await mesh.caller("b")];
  for (const manifests of [
    [older, younger],
    [younger, older],
    [older, younger],
    [younger, older],
  ]) {
    await sidecar.apply(manifests);
    const port = sidecar.port();
    const calls = {
      allowed: ["127.1.0.1", a],
      crossed: ["127.1.0.1", b],
      other: ["127.2.0.1", a],
      all: ["127.2.0.1", b],
    } as const;
    const outcome = async ([from, tls]: readonly [string, typeof a]): Promise<unknown> => {
      const answer = await tryCall({ port, from, tls });
      return "status" in answer ? answer.status : "closed";
    };
    assert.equal(await outcome(calls.allowed), 200);
    assert.equal(await outcome(calls.crossed), 403);
    assert.equal(await outcome(calls.other), "closed");
    assert.equal(await outcome(calls.all), "closed");
  }
  await sidecar.log.next({ message: "policy status", policy: "test/younger", currentStatus: "error" });
  assert.equal(sidecar.log.all({ message: "policy status", policy: "test/older", currentStatus: "error" }).length, 0);
});
