/** The memory of an idle connection, in a process of the contender that has served nothing else. */
import { setTimeout as delay } from "node:timers/promises";
import type { Subject } from "../load/measurements/subject.ts";
import { residentOfTrees } from "../machine/processor-time.ts";
import { rounded } from "../machine/stamp.ts";
import { startCallers } from "./caller-process.ts";
import type { Figure } from "./figures.ts";

/** Opened and closed before memory is looked at, so that what a process needs once is not counted. */
const WARM_UP = 100;
const SETTLE_MS = 2_000;

/** @throws when connections are closed meanwhile */
export async function measureIdle(subject: Subject, connections: number): Promise<Figure> {
  const { contender, pids, mutual: port, certificates: certificate } = subject;
  await using callers = startCallers();
  await callers.ask({ kind: "keep", port, certificate, count: WARM_UP });
  await callers.ask({ kind: "let-go" });
  await delay(SETTLE_MS);
  const before = residentOfTrees(pids);
  await callers.ask({ kind: "keep", port, certificate, count: connections });
  await delay(SETTLE_MS);
  const value = rounded((residentOfTrees(pids) - before) / connections);
  const { closed = 0 } = await callers.ask({ kind: "let-go" });
  if (closed > 0) throw new Error(`${closed} of ${connections} idle connections were closed`);
  return { contender: contender.name, measurement: "idle", value, lowest: value, highest: value, connections };
}
