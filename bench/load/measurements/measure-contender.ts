/** One contender from its start to its figures, alone: no other is started before it has ended. */
import type { Certificates } from "../certificates.ts";
import type { Contender, Place } from "../contenders/contender.ts";
import { sampleBodyDown, sampleBodyUp } from "./body.ts";
import { checkAnswers, checkRefusal } from "./correctness.ts";
import type { Figures, Maybe, Unmeasured } from "./figures.ts";
import { sampleFixedRate } from "./fixed-rate.ts";
import { sampleFullHandshakes, sampleResumedHandshakes } from "./handshakes.ts";
import { residentMiB, sampleIdleConnections, type IdleConnections } from "./memory.ts";
import {
  sampleAutocannon,
  sampleAutocannonMutual,
  sampleFirst,
  sampleHttp2,
  sampleMutual,
  sampleSteady,
} from "./requests.ts";
import { withRunning } from "./running-contender.ts";
import type { Extent, MeasurementName, Subject } from "./subject.ts";

export interface Surroundings {
  readonly directory: string;
  readonly certificates: Certificates;
  /** Checks what is passed on. */
  readonly checkingPort: number;
  /** Is behind what is timed. */
  readonly timedPort: number;
  readonly extent: Extent;
  /** Takes profiles of a contender after its figures. */
  readonly profile?: (subject: Subject, folder: string) => Promise<void>;
  readonly say: (line: string) => void;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function attempt<Figure extends object>(take: () => Promise<Figure>): Promise<Maybe<Figure>> {
  try {
    return await take();
  } catch (error) {
    return { unmeasured: messageOf(error) };
  }
}

/** In a process of its own, which also shows that it answers rightly and refuses whom it should. */
async function check(subject: Subject, extent: Extent): Promise<IdleConnections> {
  const { contender, certificates, serverOnly, mutual } = subject;
  await checkAnswers(serverOnly, certificates, false);
  await checkAnswers(mutual, certificates, true);
  await checkRefusal(mutual, certificates, "127.0.0.1");
  if (contender.judgesAddress) await checkRefusal(serverOnly, certificates, "127.0.0.2");
  return sampleIdleConnections(subject, extent);
}

async function measure(subject: Subject, extent: Extent, idle: IdleConnections): Promise<Figures> {
  const startMiB = residentMiB(subject);
  const { measurements } = extent;
  const sample = <Figure extends object>(
    name: MeasurementName,
    take: (of: Subject, by: Extent) => Promise<Figure>,
  ): Promise<Maybe<Figure>> | Unmeasured =>
    measurements.has(name) ? attempt(() => take(subject, extent)) : { unmeasured: "not asked for" };
  return {
    // The first of all, while it is cold.
    first: await sample("first", sampleFirst),
    steady: await sample("steady", sampleSteady),
    fixedRate: await sample("fixed-rate", sampleFixedRate),
    mutual: await sample("mutual", sampleMutual),
    autocannon: await sample("autocannon", sampleAutocannon),
    autocannonMutual: await sample("autocannon", sampleAutocannonMutual),
    http2: await sample("http2", sampleHttp2),
    bodyDown: await sample("bodies", sampleBodyDown),
    bodyUp: await sample("bodies", sampleBodyUp),
    handshakeFull: await sample("handshakes", sampleFullHandshakes),
    handshakeResumed: await sample("handshakes", sampleResumedHandshakes),
    memory: { startMiB, loadedMiB: residentMiB(subject), ...idle },
  };
}

/** A profile that fails costs no figures. */
async function takeProfile(subject: Subject, { directory }: Place, { profile, say }: Surroundings): Promise<void> {
  try {
    await profile?.(subject, directory);
  } catch (error) {
    say(`no profile of ${subject.contender.name}: ${messageOf(error)}`);
  }
}

/** Checked in one process and timed in the next, since the first seconds of a process are timed too. */
export function measureContender(contender: Contender, around: Surroundings): Promise<Maybe<Figures>> {
  return attempt(async () => {
    const missing = contender.missing();
    if (missing !== undefined) throw new Error(missing);
    const { checkingPort, timedPort, extent } = around;
    const { profile } = around;
    const setting = { ...around, profiled: profile !== undefined };
    const idle = await withRunning(contender, { ...setting, appPort: checkingPort }, (subject) =>
      check(subject, extent),
    );
    return await withRunning(contender, { ...setting, appPort: timedPort }, async (subject, place) => {
      const figures = await measure(subject, extent, idle);
      if (contender.family.startsWith("postern")) await takeProfile(subject, place, around);
      return figures;
    });
  });
}
