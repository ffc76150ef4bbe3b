/** Latency at a fixed rate in an open loop: a request is sent when it is due, and its wait counts from then. */
import { autocannon } from "../generators/autocannon.ts";
import type { CallerCertificate, GeneratorRun } from "../generators/generated-load.ts";
import { oha } from "../generators/oha.ts";
import { find } from "../processes/tools.ts";
import type { LoadFigure } from "./figures.ts";
import { sampleLoad } from "./sample-load.ts";
import { urlOf, type Extent, type Subject } from "./subject.ts";

/** A generator that cannot keep the rate tells nothing about latency at it. */
const KEPT = 0.97;

async function atRate(url: string, { seconds, rate }: Extent, certificate?: CallerCertificate): Promise<GeneratorRun> {
  const options = { rate, ...(certificate !== undefined && { certificate }) };
  const load = await (find("oha") === undefined ? autocannon : oha)(url, seconds, options);
  const reached = load.requests / load.seconds;
  if (reached < rate * KEPT) throw new Error(`${reached.toFixed(0)} requests/s were reached, ${rate} were due`);
  return load;
}

export function sampleFixedRate({ pids, mutual, certificates }: Subject, extent: Extent): Promise<LoadFigure> {
  return sampleLoad(pids, () => atRate(urlOf(mutual), extent, certificates));
}

/** The application alone, in plain text: what a proxy adds is what it has above this. */
export function sampleDirect(appPort: number, extent: Extent): Promise<LoadFigure> {
  return sampleLoad([], () => atRate(`http://127.0.0.1:${appPort}/`, extent));
}
