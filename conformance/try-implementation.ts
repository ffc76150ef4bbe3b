/** All chosen cases, one after the other, and a line for each. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startApplication, type TestApplication } from "../test/support/application/application.ts";
import { temporaryDirectory } from "../test/support/process/temporary-directory.ts";
import { clusterWorld } from "./adapters/cluster.ts";
import { directoryWorld } from "./adapters/directory.ts";
import type { World } from "./adapters/world.ts";
import type { RunArguments } from "./arguments.ts";
import { Callers } from "./callers.ts";
import { CannotTry } from "./cannot-try.ts";
import { DECISIONS, type DecisionCase } from "./cases.ts";
import { APPLICATION_BODY, playable, playCase } from "./play-case.ts";
import { Report } from "./report.ts";
import { TriedProcess } from "./tried-process.ts";

interface Trial {
  readonly asked: RunArguments;
  readonly stopped: AbortSignal;
  readonly application: TestApplication;
  readonly callers: Callers;
  readonly report: Report;
}

/**
 * @param stopped ends it before all cases are played
 * @returns the exit code
 * @throws CannotTry
 */
export async function tryImplementation(asked: RunArguments, stopped: AbortSignal): Promise<number> {
  const chosen = choose(asked.only);
  using directory = temporaryDirectory();
  await using application = await startApplication((_request, response) => response.end(APPLICATION_BODY));
  const report = new Report(chosen.length, (line) => console.log(line));
  const trial = { asked, stopped, application, report, callers: await Callers.create(asked.answerMs, stopped) };
  // A mesh name is a setting of the process, so each has its own.
  const byMesh = Map.groupBy(chosen, ({ world }) => world.meshName);
  for (const [index, [meshName, rows]] of [...byMesh].entries()) {
    const own = join(directory.path, String(index));
    mkdirSync(own);
    const cause = await tryRows(trial, rows, own, meshName);
    if (cause === undefined) continue;
    report.stopped(cause);
    break;
  }
  return report.sum();
}

function choose(only: readonly string[] | undefined): readonly DecisionCase[] {
  const unknown = only?.filter((id) => !DECISIONS.some((row) => row.id === id)) ?? [];
  if (unknown.length > 0) throw new CannotTry(`--only: no such case: ${unknown.join(", ")}`);
  return DECISIONS.filter(({ id }) => only === undefined || only.includes(id));
}

/** @returns why the implementation is no longer to be tried; `undefined` when it still is after all rows */
async function tryRows(
  { asked, stopped, application, callers, report }: Trial,
  rows: readonly DecisionCase[],
  directory: string,
  meshName: string | undefined,
): Promise<string | undefined> {
  await using world = await openWorld(asked.kubeconfig, directory);
  await using subject = await TriedProcess.start({
    command: asked.command,
    directory,
    world,
    ports: [...new Set(DECISIONS.map(({ port }) => port))],
    ...(meshName !== undefined && { meshName }),
    application,
    callers,
    settleMs: asked.settleMs,
  });
  for (const row of rows) {
    const obstacle = playable(row).length === 0 ? "loopback has no address for any caller of it" : world.obstacle(row);
    if (obstacle !== undefined) {
      report.skipped(row, obstacle);
      continue;
    }
    try {
      report.played(row, await playCase(row, subject, callers, () => subject.checkServing()));
    } catch (error) {
      if (stopped.aborted) return (stopped.reason as Error).message;
      report.failed(row, error instanceof Error ? error.message : String(error));
      const cause = await subject.isOver();
      if (cause !== undefined) return cause;
    }
  }
  // Awaited before the process is ended, which would be the end that is seen.
  return await subject.isOver();
}

/** Empty, and not before it is known to be there. */
async function openWorld(kubeconfig: string | undefined, directory: string): Promise<World> {
  if (kubeconfig === undefined) {
    const world = directoryWorld(join(directory, "manifests"));
    await world.put([]);
    return world;
  }
  try {
    const world = await clusterWorld(kubeconfig, (message) => console.error(message));
    await world.put([]);
    return world;
  } catch (error) {
    throw new CannotTry(`--kubeconfig: ${(error as Error).message}`, { cause: error });
  }
}
