/** A large body one way over mutual TLS. */
import { join } from "node:path";
import { curl } from "../generators/curl.ts";
import type { BodyFigure } from "./figures.ts";
import { watchCore } from "./proxy-core.ts";
import { urlOf, type Extent, type Subject } from "./subject.ts";

const MIB = 2 ** 20;

async function once(subject: Subject, { body }: Extent, way: "down" | "up"): Promise<BodyFigure> {
  const { pids, mutual, certificates } = subject;
  const url = way === "down" ? urlOf(mutual, `/body/${body.name}`) : urlOf(mutual, "/sink/taken");
  const upload = way === "up" ? join(body.directory, body.name) : undefined;
  const used = watchCore(pids);
  const { bytes, seconds, generatorCpuUs } = await curl(url, certificates, upload);
  if (bytes !== body.bytes) throw new Error(`${bytes} bytes came of ${body.bytes}`);
  const { proxyUs, busy, others } = used(seconds);
  const size = bytes / MIB;
  return {
    mibPerSecond: size / seconds,
    cpuUs: proxyUs / size,
    busy,
    others,
    generatorUs: generatorCpuUs / size,
  };
}

/** The quickest of several: disturbances only slow one down. */
async function best(subject: Subject, extent: Extent, way: "down" | "up"): Promise<BodyFigure> {
  let quickest = await once(subject, extent, way);
  for (let repeat = 1; repeat < extent.bodyRepeats; repeat += 1) {
    const next = await once(subject, extent, way);
    if (next.mibPerSecond > quickest.mibPerSecond) quickest = next;
  }
  return quickest;
}

export function sampleBodyDown(subject: Subject, extent: Extent): Promise<BodyFigure> {
  return best(subject, extent, "down");
}

export function sampleBodyUp(subject: Subject, extent: Extent): Promise<BodyFigure> {
  return best(subject, extent, "up");
}
