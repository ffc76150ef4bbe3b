import assert from "node:assert/strict";
import { test } from "node:test";
import { readController } from "../../src/cli/controller.ts";
import { Controller } from "../../src/controller/controller.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { until } from "../support/until.ts";

const FLAGS = ["health=127.0.0.1:0", "webhook=127.0.0.1:0", "drain-delay=0s", "lease-duration=1s"];

test("/readyz tells for as long as the Lease cannot be asked for", async (t) => {
  await using cluster = await StandInCluster.start();
  const message = "leases are not for you";
  cluster.server.intervene = ({ path }) =>
    path.includes("/leases") ? { kind: "refuse", refusal: { status: 403, reason: "Forbidden", message } } : undefined;
  const problems: string[] = [];
  const values = new Map(FLAGS.map((flag) => [flag.split("=")[0] ?? "", [flag.split("=")[1] ?? ""]]));
  const { config } = readController(values, {}, problems);
  assert.deepEqual(problems, []);
  const controller = new Controller({ config, credentials: cluster.credentials(), log: createLog("error", () => {}) });
  await controller.start();
  t.after(() => controller.stop());

  const lease = async (): Promise<string | undefined> => {
    const answer = await fetch(`http://127.0.0.1:${controller.healthPort}/readyz`);
    return ((await answer.json()) as { readonly problems: Readonly<Record<string, string>> }).problems["Lease"];
  };
  await until("the refusal is told", async () => (await lease())?.includes(message) === true);
  cluster.server.intervene = () => undefined;
  await until("it is told no longer", async () => (await lease()) === undefined);
});
