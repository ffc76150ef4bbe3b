import assert from "node:assert/strict";
import { test } from "node:test";
import { readController, runController } from "../../src/cli/controller.ts";
import { runCommand } from "../support/process/command.ts";

test("--help names every flag", async () => {
  const { code, stdout } = await runCommand(runController, "--help");
  assert.equal(code, 0);
  for (const flag of ["mesh-name", "ca-secret", "gateway", "webhook", "health", "drain-delay"])
    assert.match(stdout, new RegExp(`--${flag}`));
});

test("without flags it is OSM's mesh with OSM's gateway", () => {
  const problems: string[] = [];
  const { config } = readController(new Map(), {}, problems);
  assert.deepEqual(problems, []);
  assert.deepEqual(config.mesh, { name: "osm", namespace: "osm-system", trustDomain: "cluster.local" });
  assert.deepEqual(config.gateways, [
    {
      namespace: "osm-system",
      secret: "osm-contour-envoy-client-cert",
      name: "osm-contour-envoy.osm-system.cluster.local",
    },
  ]);
  assert.equal(config.overlapMs, 86_400_000);
  assert.deepEqual(config.injection.certificate, {
    kind: "csr",
    signerName: "postern.dev/osm",
    trustDomain: "cluster.local",
    bundle: "osm-ca-bundle",
  });
});

test("every flag that cannot be used is named, with what was expected", async () => {
  const { code, stderr } = await runCommand(
    runController,
    "--mesh-name=No",
    "--validity=1s",
    "--gateway=x",
    "--ca-secret=..",
    "--webhook=9443",
    "--trust-domain=a_b",
  );
  assert.equal(code, 2);
  for (const flag of ["mesh-name", "validity", "gateway", "ca-secret", "webhook", "trust-domain"])
    assert.match(stderr, new RegExp(`--${flag} has the value .* expected`));
});
