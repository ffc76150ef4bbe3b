import assert from "node:assert/strict";
import { test } from "node:test";
import { meshConfigProblems } from "../../../src/policy/objects/mesh-config.ts";

const found = (spec: unknown): readonly string[] =>
  meshConfigProblems({ spec }).map(({ severity, path }) => `${severity} ${path}`);

test("external authorization that is on is an error, other settings that are not read are warnings", () => {
  assert.deepEqual(
    found({
      traffic: { inboundExternalAuthorization: { enable: true, address: "opa.osm-system" } },
      sidecar: {
        tlsMinProtocolVersion: "TLSv1_3",
        cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256"],
        ecdhCurves: ["P-256"],
      },
    }),
    [
      "error spec.traffic.inboundExternalAuthorization",
      "warning spec.sidecar.tlsMinProtocolVersion",
      "warning spec.sidecar.cipherSuites",
      "warning spec.sidecar.ecdhCurves",
    ],
  );
});

test("what OSM installs by default, and what is no object, gets no word", () => {
  const defaults = {
    traffic: { inboundExternalAuthorization: { enable: false } },
    sidecar: { tlsMinProtocolVersion: "TLSv1_2", tlsMaxProtocolVersion: "TLSv1_3", cipherSuites: [] },
  };
  for (const spec of [defaults, undefined, null, 7, { traffic: null, sidecar: [] }]) assert.deepEqual(found(spec), []);
});
