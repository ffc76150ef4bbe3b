/**
 * The change-over of docs/migrate-from-osm.md under load through Contour's Envoy. OSM's own programs do not run, so its pods
 * have no sidecars before; everything else that an OSM installation has in the API is there.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { contourObjects } from "../../src/install/contour/contour-objects.ts";
import { meshNamespace, OSM, osmAuthority, osmDefinitions, osmObjects } from "../support/osm/installation.ts";
import type { Ask } from "./caller.ts";
import { contourPrograms } from "./contour/lacking.ts";
import { cachedManifest } from "./contour/obtain-contour.ts";
import { patient } from "./contour/patient-manifest.ts";
import { InstalledCluster } from "./install/installed-cluster.ts";
import { Page } from "./install/page.ts";

const SITE = "foo-basic.bar.com";
const PER_SECOND = 200;
const PATIENT = { timeout: 600_000 };
const DOCS = join(import.meta.dirname, "../../docs");

const programs = await contourPrograms();
const manifest = await cachedManifest(process.env);
const skip =
  typeof programs === "string" ? programs : manifest === undefined ? "Contour's manifest is not to be had here" : false;

let lab: InstalledCluster;

const throughGateway = (): Ask => ({
  url: `http://${lab.pod(OSM.namespace, "envoy-").namespace.ipv4}:8080/`,
  headers: { host: SITE },
});

/** As the page has it: the commands of one step, printed and passed to a shell. */
function step(name: string): Promise<string> {
  return lab.follow(`postern migrate -f osm.yaml --step ${name} | sh -e`);
}

describe("an OSM installation with an application behind Contour", { skip }, () => {
  before(async () => {
    if (typeof programs === "string" || manifest === undefined) return;
    lab = await InstalledCluster.start(programs);
    new Page(join(DOCS, "getting-started.md")).writeFiles(lab.directory);
    const { edge, ...ca } = await osmAuthority();
    await lab.cluster.apply(...osmDefinitions());
    await lab.follow("kubectl wait --for=condition=Established customresourcedefinitions --all --timeout=60s");
    await lab.cluster.apply(meshNamespace(OSM.namespace), meshNamespace("test", "enabled"), ...osmObjects(ca, edge));
    const contour = contourObjects(patient(readFileSync(manifest, "utf8")), {
      ...OSM,
      name: OSM.mesh,
      trustDomain: "cluster.local",
    });
    assert.ok("objects" in contour);
    const isDefined = ({ kind }: { readonly kind: string }): boolean => kind !== "TLSCertificateDelegation";
    await lab.cluster.apply(...contour.objects.filter(isDefined));
    await lab.follow("kubectl wait --for=condition=Established customresourcedefinitions --all --timeout=60s");
    await lab.cluster.apply(...contour.objects.filter((object) => !isDefined(object)));
    await lab.applyChanged("application.yaml", (text) =>
      text
        .replace(/^apiVersion: v1\nkind: Namespace\n.*?^---\n/ms, "")
        .replace("spec:\n  selector:\n    matchLabels:", "spec:\n  replicas: 2\n  selector:\n    matchLabels:")
        // Its pods of before have no sidecar that would wait: they end in order by themselves, as they must in every roll-out.
        .replace(
          "          ports:\n",
          "          lifecycle: { preStop: { sleep: { seconds: 5 } } }\n          ports:\n",
        ),
    );
    await lab.follow("kubectl -n test rollout status deployment foo --timeout=380s");
    await lab.follow("kubectl apply -f ingress-http.yaml");
    await lab.follow(`kubectl -n ${OSM.namespace} rollout status daemonset envoy --timeout=380s`);
    await lab.answers(throughGateway(), 200);
  });
  after(() => lab?.[Symbol.asyncDispose]());

  test(
    `is changed over by export, audit and enforcement while ${PER_SECOND} requests a second come in, and loses none`,
    PATIENT,
    async () => {
      const page = readFileSync(join(DOCS, "migrate-from-osm.md"), "utf8");
      await lab.follow(page.split("\n").find((line) => line.startsWith("kubectl get namespaces,")) ?? "false");
      await lab.client.startLoad(throughGateway(), PER_SECOND);
      for (const name of ["install", "audit", "move", "gateways", "enforce"]) await step(name);
      const { sent, succeeded, failures, slowestMs } = await lab.client.stopLoad();
      console.log(`${sent} requests, slowest ${Math.round(slowestMs)} ms`);
      const failed = lab
        .pod(OSM.namespace, "envoy-")
        .logOf("envoy")
        .split("\n")
        .filter((line) => /HTTP\/1\.1" [45]\d\d /.test(line));
      assert.deepEqual(failures, {}, failed.slice(0, 50).join("\n"));
      assert.equal(succeeded, sent);

      for (const { pod, namespace } of lab.kubelet.pods("test", "foo-")) {
        assert.ok(
          pod.spec.initContainers?.some(({ name }) => name === "postern"),
          `no sidecar in ${pod.metadata.name}`,
        );
        // Whoever is not the gateway is cut off, since nothing is audited any more.
        await lab.answers({ url: `http://${namespace.ipv4}/` }, "ECONNRESET");
      }
    },
  );
});
