/**
 * The controller is away while a sidecar's certificate comes to its end. A certificate ends with the CA that signed it: this
 * mesh has a given intermediate that lives for two minutes, so that nobody has to wait for a day.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { checkServerIdentity } from "node:tls";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import { sliceOf } from "../discovery/kubernetes/suite/objects.ts";
import type { ApiObject, ManifestLike } from "../support/api-server/api-caller.ts";
import { startApplication } from "../support/application/application.ts";
import { call, tryCall } from "../support/caller/caller.ts";
import { TestAuthority } from "../support/mesh/authority.ts";
import { backend, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";
import { MESH, MeshCluster, NAMES, podOf, type ControllerReplica } from "./mesh-cluster.ts";

const HOUR_MS = 3_600_000;
/** The controller and the sidecar take it up within it, also where the machine is busy. */
const LIFE_MS = 120_000;
const PATIENT = { timeout: 480_000 };
const GATEWAY = "edge.example";
const GIVEN = "given";
const CONTROLLER = [`--ca-secret=${GIVEN}`];

let cluster: MeshCluster;

before(async () => {
  cluster = await MeshCluster.start();
  await cluster.api.apply(...cluster.objects({ givenAuthority: GIVEN }));
});
after(() => cluster[Symbol.asyncDispose]());

/** As cert-manager would put it there. @param livesMs of the CA that signs */
async function give(root: TestAuthority, livesMs: number): Promise<void> {
  const middle = await root.intermediate("CN=given intermediate", new Date(Date.now() + livesMs));
  const { certPem, keyPem } = await middle.authorityPair();
  const texts = { "tls.crt": certPem, "tls.key": keyPem, "ca.crt": root.certPem };
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
  );
  await cluster.api.apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: GIVEN, namespace: MESH.namespace },
    type: "kubernetes.io/tls",
    data,
  });
}

/** What the sidecar reads, written while no webhook stands before it. @returns its pod */
async function prepare(): Promise<ApiObject> {
  await cluster.namespace("test");
  await cluster.account("test", "shop");
  const pod = await cluster.api.create(podOf("test", "shop-1", "shop"));
  await cluster.api.apply(
    policy([backend("shop", 80, "https")], [range("127.0.0.0/8"), principal(GATEWAY)], "test/shop") as ManifestLike,
    sliceOf("test/shop", "shop-1", ["10.99.2.1"]),
  );
  await cluster.namespace("test", { [MONITORED_LABEL]: MESH.name });
  return pod;
}

test(
  "a sidecar serves until its certificate ends, warns, is not ready then, and serves again when the controller is back",
  PATIENT,
  async (t) => {
    const pod = await prepare();
    const [first, second] = [await TestAuthority.create("CN=first root"), await TestAuthority.create("CN=second root")];
    const bundle = join(cluster.directory, "ca.crt");
    writeFileSync(bundle, first.certPem);
    const pair = await second.issue({ sans: [`dns:${GATEWAY}`], usages: ["client"] });
    await using application = await startApplication();
    await give(first, HOUR_MS);
    let controller: ControllerReplica = await cluster.replica("one", ...CONTROLLER);
    try {
      await controller.ready();
      await using sidecar = await startSidecar({
        manifests: undefined,
        services: [],
        backends: [{ app: application.port }],
        flags: [
          "--kubernetes",
          `--kubeconfig=${await cluster.kubeconfig("test", "shop", pod)}`,
          "--pod-ip=10.99.2.1",
          "--pod-name=shop-1",
          `--csr-signer=${NAMES.signer}`,
          "--service-account=shop",
          `--tls-ca=${bundle}`,
        ],
      });
      // What is not signed under a root of the bundle is asked for anew.
      await give(second, LIFE_MS);
      writeFileSync(bundle, second.certPem);
      const soon = Date.now() + LIFE_MS;
      const replaced = await sidecar.log.next(
        ({ message, notAfter }) => message === "certificate replaced" && Date.parse(String(notAfter)) <= soon,
        { timeoutMs: LIFE_MS },
      );
      await controller.stop("SIGKILL");
      const ask = {
        port: sidecar.port(),
        tls: { ca: second.certPem, pair, servername: "shop.test.cluster.local", options: { checkServerIdentity } },
      };
      const issued = sidecar.log.all(({ message }) => message === "certificate replaced");
      const end = Date.parse(String((issued.at(-1) ?? replaced)["notAfter"]));

      let served = 0;
      // One handshake each; the last one begins a second before the end.
      for (; Date.now() < end - 1_000; await delay(500)) {
        assert.equal((await call(ask)).status, 200, sidecar.log.toString());
        served += 1;
      }
      assert.ok(served > 0);
      t.diagnostic(`${served} handshakes and requests without the controller`);
      await sidecar.log.next({
        level: "warn",
        message: "less than a tenth of the certificate's life is left: it should have been renewed",
      });
      await sidecar.log.next({ level: "error", message: "the certificate has ended: not ready" });
      assert.ok(Date.now() > end);
      assert.ok("error" in (await tryCall(ask)));
      const ready = await fetch(`http://127.0.0.1:${sidecar.adminPort}/readyz`);
      assert.equal(ready.status, 503);
      assert.match(
        await ready.text(),
        /own-certificate-ended: our own certificate \(the certificate of \S+\) ended at /,
      );

      await give(second, HOUR_MS);
      controller = await cluster.replica("two", ...CONTROLLER);
      await until(
        () => `the sidecar serves again\n${sidecar.log.toString()}`,
        async () => {
          const answer = await tryCall(ask);
          return !("error" in answer) && answer.status === 200;
        },
      );
    } finally {
      await controller[Symbol.asyncDispose]();
    }
  },
);
