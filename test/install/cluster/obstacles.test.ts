import assert from "node:assert/strict";
import { test } from "node:test";
import { obstacles, type Intent } from "../../../src/install/cluster/obstacles.ts";
import type { Survey } from "../../../src/install/cluster/survey.ts";
import { VERSION } from "../../../src/telemetry/version.ts";

const MESH = { name: "osm", namespace: "osm-system", trustDomain: "cluster.local" };
const INTENT: Intent = { mesh: MESH, withContour: false, besideOsm: false, upgrade: false };
const EMPTY: Survey = { osm: [], postern: [], contours: [], namespaces: [] };

test("nothing is in the way of an empty cluster, nor of the same version again", () => {
  assert.deepEqual(obstacles(EMPTY, INTENT), []);
  const same = { mesh: "osm", namespace: "osm-system", version: VERSION };
  assert.deepEqual(obstacles({ ...EMPTY, postern: [same] }, INTENT), []);
});

test("a controller that does not say its version is another version", () => {
  const found = { ...EMPTY, postern: [{ mesh: "osm", namespace: "osm-system" }] };
  assert.match(obstacles(found, INTENT).join("\n"), /Postern of an unknown version runs mesh 'osm'.*--upgrade/);
  assert.deepEqual(obstacles(found, { ...INTENT, upgrade: true }), []);
});

test("what Helm has installed is changed by Helm, whatever its version", () => {
  const found = { mesh: "osm", namespace: "osm-system", version: VERSION, release: "door" };
  for (const upgrade of [false, true])
    assert.deepEqual(obstacles({ ...EMPTY, postern: [found] }, { ...INTENT, upgrade }), [
      "mesh 'osm' is the release 'door' of Helm; change it with helm upgrade door CHART --namespace osm-system",
    ]);
});

test("beside OSM a mesh of another name may be, and one of the same name may not", () => {
  const found = { ...EMPTY, osm: [{ mesh: "osm", namespace: "osm-system" }] };
  assert.match(obstacles(found, INTENT).join("\n"), /--beside-osm/);
  const beside = { ...INTENT, besideOsm: true };
  assert.match(obstacles(found, beside).join("\n"), /choose another --mesh-name/);
  assert.deepEqual(obstacles(found, { ...beside, mesh: { ...MESH, name: "new" } }), []);
});

test("a second Contour is refused, and the mesh's own is not", () => {
  const contour = { ...INTENT, withContour: true };
  assert.match(
    obstacles({ ...EMPTY, contours: ["projectcontour"] }, contour).join("\n"),
    /--gateway-namespace projectcontour/,
  );
  assert.deepEqual(obstacles({ ...EMPTY, contours: ["osm-system"] }, contour), []);
});
