/** Whole sidecars with the waits of production, against a server whose versions really collide: one writes, and is followed when it dies. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { EDGE, OTHER, edgeSlice, letIn } from "../discovery/kubernetes/suite/objects.ts";
import { sharedCluster } from "./shared-cluster.ts";

const PROCESSES = 5;
/** The lease's 15 s, and the 5 s of spread before and after. */
const TAKEN_OVER_MS = 30_000;

const cluster = sharedCluster();

/** Writes of a status that the API server has answered since it started, by its own count. */
async function counted(): Promise<number> {
  return (await cluster().api.text("/metrics"))
    .split("\n")
    .filter((line) => line.startsWith("apiserver_request_total{") && line.includes('subresource="status"'))
    .filter((line) => line.includes('resource="ingressbackends"') && !line.includes('verb="GET"'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Whoever of them writes next. */
async function nextWriter(sidecars: readonly TestSidecar[], status: string): Promise<TestSidecar> {
  const writing = sidecars.map(async (sidecar) => {
    const from = sidecar.log.lines.length;
    const written = { event: "status-written", currentStatus: status };
    await sidecar.log.next(written, { from, timeoutMs: TAKEN_OVER_MS });
    return sidecar;
  });
  return Promise.any(writing);
}

test(`of ${PROCESSES} sidecars one writes; killed, it is followed by another within 30 seconds`, async (t) => {
  await using borrowed = await cluster().borrow();
  await borrowed.api.apply(letIn("gateways/edge"));
  using directory = temporaryDirectory();
  const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), borrowed.credentials());
  await using stack = new AsyncDisposableStack();
  const before = await counted();
  const sidecars: TestSidecar[] = [];
  for (let replica = 0; replica < PROCESSES; replica += 1) {
    const flags = ["--kubernetes", `--kubeconfig=${kubeconfig}`, `--pod-name=foo-${replica}`];
    // Nobody calls: the port of the application is never used.
    sidecars.push(stack.use(await startSidecar({ manifests: undefined, backends: [{ app: 9 }], flags })));
  }
  // Whatever was written of the first state; from here on all are alike.
  const committed = nextWriter(sidecars, "committed");
  await borrowed.api.apply(edgeSlice(EDGE));
  const writer = await committed;
  const status = async (): Promise<string | undefined> => (await borrowed.api.read(letIn())).status?.currentStatus;
  assert.equal(await status(), "committed");

  await writer.stop("SIGKILL");
  const others = sidecars.filter((sidecar) => sidecar !== writer);
  const killedAt = performance.now();
  const failed = nextWriter(others, "error");
  await borrowed.api.replace({ ...edgeSlice(), endpoints: [] });
  const successor = await failed;
  t.diagnostic(`taken over ${Math.round(performance.now() - killedAt)} ms after the kill`);
  assert.equal(await status(), "error");

  const again = nextWriter(others, "committed");
  await borrowed.api.replace(edgeSlice(OTHER));
  assert.equal(await again, successor, "who wrote last writes next");
  const lines = sidecars.flatMap(({ log }) => log.all({ event: "status-written" }));
  assert.deepEqual(
    lines.map(({ currentStatus }) => currentStatus).filter((one) => one === "committed").length,
    2,
    "the committed state of before and of after, each once",
  );
  assert.equal(await counted(), before + lines.length, "the server counts what the logs tell");
  assert.ok(lines.length <= 4, "four states, none of them written twice");
});
