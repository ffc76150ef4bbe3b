/** A typo made while taking a right away: it is seen in every place, and `--max-stale` ends what the old file lets in. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { tryCall } from "../support/caller/caller.ts";
import { http, policy, range } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

const FAULT = /objects\.yaml:\d+: .*its last good content stays in force/s;

interface Readiness {
  readonly backends: readonly { readonly conditions: readonly { readonly code: string; readonly detail: string }[] }[];
}

async function broken(sidecar: TestSidecar): Promise<string | undefined> {
  const text = await (await sidecar.admin("/metrics")).text();
  return /^postern_manifest_files_broken (\d+)$/m.exec(text)?.[1];
}

test("a broken manifest is named in each place, and beyond max-stale nobody is let in by its last good content", async () => {
  await using application = await startApplication();
  const manifests = [policy([http], [range("127.0.0.1/32")])];
  await using sidecar = await startSidecar({
    manifests,
    backends: [{ app: application.port }],
    flags: ["--max-stale=3s"],
  });
  assert.equal(await broken(sidecar), "0");
  writeFileSync(join(sidecar.directory, "manifests/objects.yaml"), "kind: [oops\n");
  await until("it is counted", async () => (await broken(sidecar)) === "1");
  const { backends } = await sidecar.adminJson<Readiness>("/readyz");
  const [condition] = backends[0]!.conditions;
  assert.equal(condition?.code, "manifest-broken");
  assert.match(condition.detail, FAULT);
  assert.match(await (await sidecar.admin("/")).text(), /id="state"[^]*<li>manifest-broken: [^]*objects\.yaml/);

  await sidecar.log.next({ maxStaleMs: 3_000 });
  await until("it is closed", async () => (await sidecar.admin("/readyz")).status === 503);
  await tryCall({ port: sidecar.port() });
  await sidecar.log.next({ event: "connection", end: "refused", reason: "stale-snapshot" });

  await sidecar.apply(manifests);
  await until("it is good again", async () => (await broken(sidecar)) === "0");
  const outcome = await tryCall({ port: sidecar.port() });
  assert.ok("status" in outcome && outcome.status === 200);
});
