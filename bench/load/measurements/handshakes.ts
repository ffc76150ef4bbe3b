/** The whole check of an accepted mTLS connection: accept, handshake, verdict, one request, close. */
import { handshakes, type Handshake } from "../generators/handshakes.ts";
import type { LoadFigure } from "./figures.ts";
import { sampleLoad } from "./sample-load.ts";
import type { Extent, Subject } from "./subject.ts";

function sample(subject: Subject, { seconds }: Extent, handshake: Handshake): Promise<LoadFigure> {
  const { pids, mutual: port, certificates: certificate } = subject;
  return sampleLoad(pids, () => handshakes({ port, seconds, handshake, certificate }));
}

export function sampleFullHandshakes(subject: Subject, extent: Extent): Promise<LoadFigure> {
  return sample(subject, extent, "full");
}

/** Postern resumes sessions only when it is told to, as `bench handshake` tells it: it has no such figure here. */
export function sampleResumedHandshakes(subject: Subject, extent: Extent): Promise<LoadFigure> {
  if (subject.contender.family.startsWith("postern")) throw new Error("resumes nothing by default");
  return sample(subject, extent, "resumed");
}
