import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { Manifest } from "../../../src/controller/manifests/manifest.ts";
import { contourObjects } from "../../../src/install/contour/contour-objects.ts";
import { CONTOUR_MANIFEST } from "../../support/contour-manifest.ts";

const MESH = { name: "osm", namespace: "osm-system", trustDomain: "cluster.local" };

function placed(text = CONTOUR_MANIFEST): readonly Manifest[] {
  const result = contourObjects(text, MESH);
  assert.ok("objects" in result, JSON.stringify(result));
  return result.objects;
}

const find = (kind: string, name: string): Manifest | undefined =>
  placed().find((object) => object.kind === kind && object.metadata.name === name);

test("every object of Contour's namespace moves to the mesh's, bindings' subjects too, and that namespace is left out", () => {
  assert.doesNotMatch(JSON.stringify(placed()), /projectcontour"/);
  assert.equal(find("Namespace", "projectcontour"), undefined);
  assert.equal(find("ClusterRoleBinding", "contour")?.metadata.namespace, undefined);
  assert.match(JSON.stringify(find("ClusterRoleBinding", "contour")), /"namespace":"osm-system"/);
});

test("its configuration names the mesh's certificate, and keeps its comments and settings", () => {
  const data = find("ConfigMap", "contour")?.["data"] as Readonly<Record<string, string>>;
  const text = data["contour.yaml"] ?? "";
  assert.match(text, /^# a comment that stays$/m);
  assert.deepEqual(parse(text), {
    tls: { "envoy-client-certificate": { name: "osm-contour-envoy-client-cert", namespace: "osm-system" } },
    "accesslog-format": "envoy",
  });
});

test("the Service of OSM's name has the Envoys' addresses, and every namespace may read the bundle", () => {
  assert.deepEqual(find("Service", "osm-contour-envoy")?.["spec"], {
    type: "ClusterIP",
    selector: { app: "envoy" },
    ports: [{ name: "http", port: 80, targetPort: 8080 }],
  });
  assert.deepEqual(find("TLSCertificateDelegation", "osm-ca-bundle")?.["spec"], {
    delegations: [{ secretName: "osm-ca-bundle", targetNamespaces: ["*"] }],
  });
});

test("a mode of a file is read as kubectl reads it: octal", () => {
  assert.match(JSON.stringify(find("Deployment", "contour")), /"defaultMode":420/);
});

test("what is not Contour's manifest is refused with what was expected", () => {
  const problemOf = (text: string): string => {
    const result = contourObjects(text, MESH);
    return "problem" in result ? result.problem : "";
  };
  assert.match(problemOf("<html>"), /a document of it is no object; expected Contour's own manifest/);
  assert.match(problemOf("a: ["), /it is not YAML/);
  assert.match(problemOf("kind: Service"), /no apiVersion, kind or metadata\.name/);
  assert.match(problemOf(CONTOUR_MANIFEST.replace("kind: ConfigMap", "kind: Secret")), /it has no ConfigMap contour/);
  assert.match(problemOf(CONTOUR_MANIFEST.replace("name: envoy\n", "name: other\n")), /it has no Service envoy/);
  assert.match(
    problemOf(
      CONTOUR_MANIFEST.replace("name: envoy\n  namespace: projectcontour", "name: envoy\n  namespace: kube-system"),
    ),
    /not of one namespace \(envoy\)/,
  );
  assert.match(
    problemOf(CONTOUR_MANIFEST.replace("    tls:\n", "    tls: [\n")),
    /contour\.yaml in its ConfigMap contour cannot be changed/,
  );
});
