/** A run: the application and its files, then each contender in its turn. */
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Application, BodyFiles } from "../application/application.ts";
import { startNginxApplication } from "../application/nginx-application.ts";
import { startOwnApplication } from "../application/own-application.ts";
import { issueCertificates } from "../certificates.ts";
import type { Contender } from "../contenders/contender.ts";
import { memoryFolder } from "../processes/memory-folder.ts";
import { find } from "../processes/tools.ts";
import type { LoadFigure, Maybe, Row } from "./figures.ts";
import { sampleDirect } from "./fixed-rate.ts";
import { measureContender, type Surroundings } from "./measure-contender.ts";
import type { Extent } from "./subject.ts";

export interface Outcome {
  readonly application: string;
  /** The application alone at the fixed rate. */
  readonly direct: Maybe<LoadFigure>;
  readonly rows: readonly Row[];
}

export interface RunOptions {
  readonly contenders: readonly Contender[];
  readonly extent: Omit<Extent, "body">;
  readonly bodyBytes: number;
  /** No contender is started after so long. */
  readonly limitSeconds: number;
  readonly profile?: Surroundings["profile"];
  readonly say: (line: string) => void;
}

function makeBody(directory: string, bytes: number): BodyFiles {
  const name = "body";
  writeFileSync(join(directory, name), "");
  truncateSync(join(directory, name), bytes);
  return { directory, name, bytes };
}

async function startApplication(directory: string, body: BodyFiles, say: RunOptions["say"]): Promise<Application> {
  if (find("nginx") !== undefined) return startNginxApplication(directory, body);
  say("WARNING: nginx is not installed, an application of our own stands in: it is slower than some of the proxies");
  return startOwnApplication(body);
}

export async function measureAll(options: RunOptions): Promise<Outcome> {
  const { contenders, limitSeconds, profile, say } = options;
  const directory = memoryFolder();
  const body = makeBody(directory, options.bodyBytes);
  const extent = { ...options.extent, body };
  await using stack = new AsyncDisposableStack();
  const checking = await startOwnApplication(body);
  stack.use(checking.child);
  const timed = await startApplication(directory, body, say);
  stack.use(timed.child);
  const around: Surroundings = {
    directory,
    certificates: issueCertificates(directory),
    checkingPort: checking.port,
    timedPort: timed.port,
    extent,
    say,
    ...(profile !== undefined && { profile }),
  };
  const direct = await sampleDirect(timed.port, extent).catch((error: Error) => ({ unmeasured: error.message }));
  const deadline = performance.now() + limitSeconds * 1_000;
  const rows: Row[] = [];
  for (const contender of contenders) {
    const { name, family, note } = contender;
    say(`${name}: ${note}`);
    const result =
      performance.now() < deadline
        ? await measureContender(contender, around)
        : { unmeasured: `the run's ${limitSeconds} s were over` };
    rows.push({ contender: name, family, note, result });
  }
  return { application: timed.name, direct, rows };
}
