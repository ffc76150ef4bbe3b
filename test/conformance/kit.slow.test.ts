/** The kit as whoever has another implementation runs it: its data, and its runner with both adapters. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { everywherePath } from "../support/api-server/api-caller.ts";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { http, policy, range } from "../support/mesh/objects.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { KIT, runKit, type KitOutcome } from "./kit-run.ts";

const POSTERN = [process.execPath, join(KIT, "implementations/postern.js")];

const lines = ({ stdout }: KitOutcome): readonly string[] => stdout.match(/^(?:passed|failed|skipped) +\w+/gm) ?? [];

test("an implementation that follows a directory is tried, each mesh name by a process of its own", async () => {
  const outcome = await runKit("--only=D02,D20,D50a,D51", "--", ...POSTERN);
  assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  assert.deepEqual(lines(outcome), ["passed  D02", "skipped D51", "passed  D20", "passed  D50a"]);
  assert.match(outcome.stdout, /^3 passed, 0 differ, 0 failed, 1 skipped$/m);
});

test("connections that loopback cannot make are named with their case, and counted in the sum", async () => {
  const outcome = await runKit("--only=D12,D69", "--", ...POSTERN);
  assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  assert.match(
    outcome.stdout,
    /^passed +D12 .*\n +not tried, 1 of 5 connections: loopback has no address for 11\.8\.0\.0$/m,
  );
  assert.match(outcome.stdout, /^2 passed, .*\nconnections of played cases that were not tried: 1$/m);
});

async function runAgainst(cluster: StandInCluster, only: string): Promise<KitOutcome> {
  using directory = temporaryDirectory();
  const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), cluster.credentials());
  return await runKit(`--only=${only}`, `--kubeconfig=${kubeconfig}`, "--", ...POSTERN);
}

async function policiesIn(cluster: StandInCluster): Promise<readonly string[]> {
  const { items = [] } = await cluster.api.ask("GET", everywherePath(openDoor.apiVersion, openDoor.kind));
  return items.map(({ metadata }) => metadata.name);
}

/** In the way of every case that refuses somebody. */
const openDoor = policy([http], [range("0.0.0.0/0")], "test/open-door");

test("an implementation that follows an API server is tried with and without a mesh name, again and again", async () => {
  await using cluster = await StandInCluster.start();
  for (let turn = 0; turn < 2; turn += 1) {
    const outcome = await runAgainst(cluster, "D02,D12,D50,D50b,D71");
    assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
    const expected = ["passed  D02", "passed  D12", "skipped D71", "passed  D50", "passed  D50b"];
    assert.deepEqual(lines(outcome).toSorted(), expected.toSorted());
    assert.deepEqual(await policiesIn(cluster), []);
  }
});

test("what a run that was cut off has left in the cluster is deleted, and nothing else is", async () => {
  await using cluster = await StandInCluster.start();
  const { metadata } = openDoor;
  await cluster.api.apply({ ...openDoor, metadata: { ...metadata, labels: { "postern.dev/conformance-kit": "" } } });
  assert.equal((await runAgainst(cluster, "D02")).code, 0);
  const taken = policy([http], [], "test/ib");
  await cluster.api.apply({ ...taken, metadata: { ...taken.metadata } });
  const outcome = await runAgainst(cluster, "D02");
  assert.equal(outcome.code, 1);
  assert.match(
    outcome.stdout,
    /^failed +D02 [^]*IngressBackend test\/ib is there already, and the kit has not made it$/m,
  );
  assert.deepEqual(await policiesIn(cluster), ["ib"]);
});

test("an implementation that lets everybody in fails, and the caller is named", async () => {
  const outcome = await runKit("--only=D02", "--", process.execPath, join(import.meta.dirname, "open-door.ts"));
  assert.equal(outcome.code, 1);
  assert.match(outcome.stdout, /^failed +D02 [^]*"from":"10\.0\.0\.99"[^]*expected close, got .*"status":200/m);
});
