/** What the API server does not confirm grows old: how old is told, and beyond `--max-stale` nobody is let in by it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { connect, exchange, readToEnd, tryCall, type CallOutcome } from "../support/caller/caller.ts";
import { spawnSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { until } from "../support/until.ts";
import { letIn, sliceOf } from "../discovery/kubernetes/suite/objects.ts";

const MAX_STALE_S = 3;

interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly resources: readonly { readonly resource: string; readonly synced: boolean; readonly ageSeconds?: number }[];
}

function follow(cluster: StandInCluster, directory: string, app: TestApplication, ...flags: readonly string[]) {
  const kubeconfig = writeKubeconfig(join(directory, "kubeconfig"), cluster.credentials());
  return spawnSidecar({
    manifests: undefined,
    backends: [{ app: app.port }],
    flags: ["--kubernetes", `--kubeconfig=${kubeconfig}`, ...flags],
  });
}

/** The admin port answers before anything else is ready. */
async function readiness(sidecar: TestSidecar): Promise<Readiness> {
  await sidecar.log.next({ message: "admin listens" });
  const answer = await sidecar.admin("/readyz");
  const body = (await answer.json()) as Readiness;
  assert.equal(answer.status, body.ready ? 200 : 503);
  return body;
}

async function ages(sidecar: TestSidecar): Promise<readonly number[]> {
  const text = await (await sidecar.admin("/metrics")).text();
  return [...text.matchAll(/^postern_discovery_age_seconds\{resource="[^"]+"\} ([\d.e-]+)$/gm)].map(([, age]) =>
    Number(age),
  );
}

const passed = (outcome: CallOutcome): boolean => "status" in outcome && outcome.status === 200;

test("started while the server is away: everybody is refused, readiness says for what it waits, and then it is there", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(letIn("gateways/edge"), sliceOf("gateways/edge", "edge-1", ["127.0.0.10"]));
  await using application = await startApplication();
  using directory = temporaryDirectory();
  await cluster.link.remove();
  await using sidecar = await follow(cluster, directory.path, application);
  const call = () => tryCall({ port: sidecar.port(), from: "127.0.0.10" });

  await sidecar.log.next({ event: "discovery-unreachable" });
  await sidecar.log.next({ message: "backend listens" });
  const { reasons, resources } = await readiness(sidecar);
  assert.deepEqual(reasons, ["no-snapshot: policy and endpoints have not been read yet"]);
  assert.ok(resources.length > 0 && resources.every(({ synced, ageSeconds }) => !synced && ageSeconds === undefined));
  assert.deepEqual(await ages(sidecar), [], "what never was has no age");
  assert.ok(!passed(await call()));
  await sidecar.log.next({ event: "connection", reason: "no-snapshot" });

  await cluster.link.restore();
  await sidecar.ready();
  assert.ok(passed(await call()));
  assert.ok((await ages(sidecar)).length >= 2);
});

test("older than max-stale: everybody is refused, live connections too, until the server is back", async () => {
  await using cluster = await StandInCluster.start({ bookmarkEveryMs: 500 });
  await cluster.api.apply(letIn("gateways/edge"), sliceOf("gateways/edge", "edge-1", ["127.0.0.10"]));
  await using application = await startApplication();
  using directory = temporaryDirectory();
  await using sidecar = await follow(cluster, directory.path, application, `--max-stale=${MAX_STALE_S}s`);
  await sidecar.ready();
  const call = () => tryCall({ port: sidecar.port(), from: "127.0.0.10" });
  const kept = await connect({ port: sidecar.port(), from: "127.0.0.10" });
  assert.equal((await exchange(kept, {})).status, 200);
  // Longer than the limit: bookmarks alone keep it fresh.
  await delay((MAX_STALE_S + 1) * 1_000);
  assert.ok(passed(await call()));
  assert.ok((await ages(sidecar)).every((age) => age < MAX_STALE_S));

  const end = readToEnd(kept);
  await cluster.link.remove();
  await sidecar.log.next({ maxStaleMs: MAX_STALE_S * 1_000 }, { from: sidecar.log.lines.length });
  await end;
  const { reasons } = await readiness(sidecar);
  assert.equal(reasons.length, 1);
  assert.match(
    reasons[0]!,
    /^stale-snapshot: policy and endpoints have been out of date for longer than max-stale: \S.* were last known to be current at 20\d\d-\S+Z/,
  );
  assert.ok((await ages(sidecar)).some((age) => age > MAX_STALE_S));
  assert.ok(!passed(await call()));
  await sidecar.log.next({ event: "connection", end: "refused", reason: "stale-snapshot" });

  await cluster.link.restore();
  await until("it is current again", async () => (await readiness(sidecar)).ready);
  assert.ok(passed(await call()));
});
