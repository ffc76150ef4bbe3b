/** Several applications in one cluster, each given its rights as docs/kubernetes.md says: none takes another's. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { startApplication } from "../support/application/application.ts";
import { call } from "../support/caller/caller.ts";
import { backend, policy, service } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { until } from "../support/until.ts";
import { EDGE, OTHER, edgeSlice } from "../discovery/kubernetes/suite/objects.ts";
import { shipped } from "./real-cluster.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

/** Two in one namespace, and one elsewhere whose account has a name that is there already. */
const APPLICATIONS = [
  { namespace: "test", account: "cart" },
  { namespace: "test", account: "pay" },
  { namespace: "gateways2", account: "cart" },
] as const;
type Application = (typeof APPLICATIONS)[number];

const BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

test("of three applications each keeps its rights while the next one gets its own, also after a restart", async () => {
  await using borrowed = await cluster().borrow();
  await using application = await startApplication();
  using directory = temporaryDirectory();
  const start = async ({ namespace, account }: Application): Promise<TestSidecar> => {
    const credentials = borrowed.credentials();
    credentials.token = await cluster().token(3_600, account, namespace);
    const file = join(directory.path, `${namespace}-${account}`);
    return startSidecar({
      manifests: undefined,
      namespace,
      services: [account],
      backends: [{ app: application.port }],
      flags: ["--kubernetes", `--kubeconfig=${writeKubeconfig(file, credentials)}`],
    });
  };
  const serves = async (sidecar: TestSidecar, from: string): Promise<void> => {
    assert.equal((await call({ port: sidecar.port(), from })).status, 200, sidecar.log.toString());
  };

  await borrowed.api.apply(edgeSlice(EDGE));
  for (const round of ["first", "after a restart"]) {
    await using stack = new AsyncDisposableStack();
    const sidecars: TestSidecar[] = [];
    for (const each of APPLICATIONS) {
      const { namespace, account } = each;
      if (round === "first") {
        await borrowed.api.apply(...shipped("kubernetes/bindings.yaml", account, namespace), {
          ...policy([backend(account, 80, "http")], [service("gateways/edge")], `${namespace}/${account}`),
        });
      }
      sidecars.push(stack.use(await start(each)));
      for (const sidecar of sidecars) await serves(sidecar, EDGE);
    }
    await borrowed.api.replace(edgeSlice(EDGE, OTHER));
    for (const sidecar of sidecars)
      await until("the new endpoint is let in", () =>
        serves(sidecar, OTHER).then(
          () => true,
          () => false,
        ),
      );
    for (const sidecar of sidecars) assert.deepEqual(sidecar.log.all({ event: "discovery-forbidden" }), []);
    await borrowed.api.replace(edgeSlice(EDGE));
  }

  await borrowed.api.call("DELETE", `${BINDINGS}/postern-sources:test:pay`);
  const [cart, pay] = APPLICATIONS;
  await using without = await start(pay);
  const { message } = await without.log.next({ event: "discovery-forbidden" });
  assert.match(
    String(message),
    /kubectl create clusterrolebinding postern-sources:test:pay --clusterrole=postern-sources --serviceaccount=test:pay/,
  );
  await using neighbour = await start(cart);
  await serves(neighbour, EDGE);
});
