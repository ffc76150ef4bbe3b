/** OSM's sixth fault: after a rollout in an unwatched namespace the old address stays allowed until something else changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { tryCall } from "../support/caller/caller.ts";
import { http, namespaceObject, policy, service, slice } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

const guarded = policy([http], [service("gw-ns/gw")]);

test("the new pod is let in and the old one refused, step by step", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({ manifests: [guarded], backends: [{ app: application.port }] });
  const steps: readonly (readonly [readonly (string | readonly [string, unknown])[], readonly boolean[]])[] = [
    [["127.0.0.1"], [true, false, false]],
    [
      ["127.0.0.1", ["127.0.0.2", { ready: false }]],
      [true, false, false],
    ],
    [
      ["127.0.0.1", "127.0.0.2"],
      [true, true, false],
    ],
    [
      [["127.0.0.1", { ready: false, serving: true, terminating: true }], "127.0.0.2"],
      [true, true, false],
    ],
    [["127.0.0.2"], [false, true, false]],
    [["127.0.0.3"], [false, false, true]],
    [[], [false, false, false]],
  ];
  for (const [entries, expected] of steps) {
    await sidecar.apply([guarded, slice("gw-ns/gw", ...entries)]);
    const outcomes = await Promise.all(
      ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map((from) => tryCall({ port: sidecar.port(), from })),
    );
    assert.deepEqual(
      outcomes.map((outcome) => "status" in outcome),
      expected,
      JSON.stringify(entries),
    );
  }
});

test("with a mesh name, taking the namespace out of the mesh closes its gateway, and putting it back opens", async () => {
  await using application = await startApplication();
  const endpoints = slice("gw-ns/gw", "127.0.0.1");
  const watched = namespaceObject("gw-ns", { "openservicemesh.io/monitored-by": "osm" });
  await using sidecar = await startSidecar({
    manifests: [guarded, endpoints, watched],
    backends: [{ app: application.port }],
    flags: ["--mesh-name=osm"],
  });
  const open = async (): Promise<boolean> => "status" in (await tryCall({ port: sidecar.port() }));
  assert.equal(await open(), true);
  await sidecar.apply([guarded, endpoints, namespaceObject("gw-ns")]);
  assert.equal(await open(), false);
  await sidecar.apply([guarded, endpoints, watched]);
  assert.equal(await open(), true);
});
