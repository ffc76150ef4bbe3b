/** A mesh in use, as `postern install` brings it: roll-outs under load. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Ask } from "./caller.ts";
import { eventually } from "./cluster.ts";
import { contourPrograms } from "./contour/lacking.ts";
import { cachedManifest } from "./contour/obtain-contour.ts";
import { patient } from "./contour/patient-manifest.ts";
import { InstalledCluster, SETTLED_MS } from "./install/installed-cluster.ts";
import { Page } from "./install/page.ts";
import type { PodEnd } from "./kubelet/running-pod.ts";

const SITE = "foo-basic.bar.com";
const PER_SECOND = 50;
const TERMINATIONS = 20;
const AT_ONCE = 5;
/** 128 and SIGTERM: the application has no handler, and ends at once. */
const TERMINATED = 143;
/** Four roll-outs, on a machine that may do other things too. */
const PATIENT = { timeout: 720_000 };

const programs = await contourPrograms();
const manifest = await cachedManifest(process.env);
const page = new Page(join(import.meta.dirname, "../../docs/getting-started.md"));
const skip =
  typeof programs === "string" ? programs : manifest === undefined ? "Contour's manifest is not to be had here" : false;

let lab: InstalledCluster;

const throughGateway = (): Ask => ({
  url: `http://${lab.pod("osm-system", "envoy-").namespace.ipv4}:8080/`,
  headers: { host: SITE },
});

/** Resolves when these are the only pods of the Deployment, and they are ready. */
async function rolledOut(name: string, replicas: number): Promise<void> {
  await lab.follow(`kubectl -n test rollout status deployment ${name} --timeout=380s`);
  await eventually(
    `only the ${replicas} new pods of ${name} are left`,
    async () =>
      lab.kubelet.pods("test", `${name}-`).length === replicas &&
      JSON.parse(await lab.cluster.kubectl(["-n", "test", "get", "pods", "-l", `app=${name}`, "-o", "json"])).items
        .length === replicas,
    SETTLED_MS,
  );
}

/** @returns the pods of the Deployment that ended meanwhile, while requests came steadily and none of them failed */
async function withoutLoss(name: string, act: () => Promise<void>): Promise<readonly PodEnd[]> {
  const before = lab.kubelet.ended.length;
  await lab.client.startLoad(throughGateway(), PER_SECOND);
  await act();
  const { sent, succeeded, failures, repeated, slowestMs } = await lab.client.stopLoad();
  const ended = lab.kubelet.ended.slice(before).filter((pod) => pod.name.startsWith(`${name}-`));
  console.log(
    `${ended.length} terminations, ${sent} requests, ${repeated} repeated on another connection to the gateway, slowest ${Math.round(slowestMs)} ms`,
  );
  // Envoy's own line of each failure has the flags that say on which side it was.
  const failed = lab
    .pod("osm-system", "envoy-")
    .logOf("envoy")
    .split("\n")
    .filter((line) => /HTTP\/1\.1" [45]\d\d /.test(line));
  assert.deepEqual(failures, {}, `${failed.join("\n")}\n${ended.map(({ log }) => log).join("\n")}`);
  assert.equal(succeeded, sent);
  return ended;
}

function codesOf(ended: readonly PodEnd[], container: string): readonly number[] {
  return [...new Set(ended.map(({ codes }) => codes[container] ?? -1))];
}

describe("an installed mesh", { skip }, () => {
  before(async () => {
    if (typeof programs === "string") return;
    lab = await InstalledCluster.start(programs);
    page.writeFiles(lab.directory);
    await lab.applyChanged("application.yaml", (text) =>
      text.replace(/^spec:\n {2}selector:\n {4}matchLabels:/m, (head) =>
        head.replace(
          "spec:\n",
          `spec:\n  replicas: ${AT_ONCE}\n  strategy: { rollingUpdate: { maxSurge: 100%, maxUnavailable: 0 } }\n`,
        ),
      ),
    );
    writeFileSync(join(lab.directory, "contour.yaml"), patient(readFileSync(manifest ?? "", "utf8")));
    await lab.follow("postern install --with-contour=contour.yaml --apply");
    await lab.follow("kubectl label namespace test openservicemesh.io/monitored-by=osm");
    await lab.follow("kubectl -n test rollout restart deployment foo");
    for (const line of page.commandsOf("https:")) await lab.follow(line);
    await rolledOut("foo", AT_ONCE);
    await lab.answers(throughGateway(), 200);
  });
  after(() => lab?.[Symbol.asyncDispose]());

  test(
    `${TERMINATIONS} terminations of an application that exits at once on SIGTERM: no request fails`,
    PATIENT,
    async () => {
      const ended = await withoutLoss("foo", async () => {
        for (let round = 0; round < TERMINATIONS / AT_ONCE; round += 1) {
          await lab.follow("kubectl -n test rollout restart deployment foo");
          await rolledOut("foo", AT_ONCE);
        }
      });
      assert.equal(ended.length, TERMINATIONS);
      assert.deepEqual(codesOf(ended, "app"), [TERMINATED]);
      assert.deepEqual(codesOf(ended, "postern"), [0]);
    },
  );
});
