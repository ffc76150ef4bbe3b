/** `node conformance/run.ts [--kubeconfig FILE] [--only ID,ID...] [--settle SECONDS] -- COMMAND...`; see README.md. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startApplication } from "../test/support/application/application.ts";
import { temporaryDirectory } from "../test/support/process/temporary-directory.ts";
import { clusterWorld } from "./adapters/cluster.ts";
import { directoryWorld } from "./adapters/directory.ts";
import { Callers } from "./callers.ts";
import { DECISIONS, type DecisionCase } from "./cases.ts";
import { APPLICATION_BODY, playable, playCase } from "./play-case.ts";
import { TriedProcess } from "./tried-process.ts";

const USAGE =
  "usage: node conformance/run.ts [--kubeconfig FILE] [--only ID,ID...] [--settle SECONDS] -- COMMAND [ARGUMENT...]";

const { values, positionals } = parseArgs({
  options: { kubeconfig: { type: "string" }, only: { type: "string" }, settle: { type: "string", default: "60" } },
  allowPositionals: true,
});
const [command, ...args] = positionals;
const settleMs = Number(values.settle) * 1000;
const only = values.only?.split(",");
const unknown = only?.filter((id) => !DECISIONS.some((row) => row.id === id)) ?? [];
if (command === undefined || !(settleMs > 0) || unknown.length > 0) {
  console.error(unknown.length > 0 ? `no such case: ${unknown.join(", ")}` : USAGE);
  process.exit(2);
}

const chosen = DECISIONS.filter(({ id }) => only === undefined || only.includes(id));
const count = { passed: 0, failed: 0, skipped: 0 };

function report(outcome: keyof typeof count, { id, about }: DecisionCase, detail = ""): void {
  count[outcome] += 1;
  console.log(
    `${outcome.padEnd(8)}${id.padEnd(6)}${about}${detail === "" ? "" : `\n${detail.replaceAll(/^/gm, "              ")}`}`,
  );
}

using directory = temporaryDirectory();
await using application = await startApplication((_request, response) => response.end(APPLICATION_BODY));
const callers = await Callers.create();
// A mesh name is a setting of the process, so each has its own.
const byMesh = Map.groupBy(chosen, ({ world }) => world.meshName);
for (const [index, [meshName, rows]] of [...byMesh].entries()) {
  const own = join(directory.path, String(index));
  mkdirSync(own);
  await using world =
    values.kubeconfig === undefined
      ? directoryWorld(join(own, "manifests"))
      : await clusterWorld(values.kubeconfig, (message) => console.error(message));
  await world.put([]);
  await using subject = await TriedProcess.start({
    command: [command, ...args],
    directory: own,
    world,
    ports: [...new Set(DECISIONS.map(({ port }) => port))],
    ...(meshName !== undefined && { meshName }),
    application,
    callers,
    settleMs,
  });
  for (const row of rows) {
    const obstacle = playable(row).length === 0 ? "no caller of it has an IPv4 address" : world.obstacle(row);
    if (obstacle !== undefined) {
      report("skipped", row, obstacle);
      continue;
    }
    await playCase(row, subject, callers).then(
      () => report("passed", row),
      (error: unknown) => report("failed", row, error instanceof Error ? error.message : String(error)),
    );
  }
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
