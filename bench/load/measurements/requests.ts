/** A small GET over 32 kept TLS connections, as many as the proxy can take. */
import { autocannon } from "../generators/autocannon.ts";
import type { GeneratorRun } from "../generators/generated-load.ts";
import { h2load } from "../generators/h2load.ts";
import { oha } from "../generators/oha.ts";
import { wrk } from "../generators/wrk.ts";
import { find } from "../processes/tools.ts";
import type { LoadFigure } from "./figures.ts";
import { sampleLoad } from "./sample-load.ts";
import { urlOf, type Extent, type Subject } from "./subject.ts";

/** Without wrk autocannon takes more of the load's core, and fewer proxies are saturated. */
function http1(url: string, seconds: number): Promise<GeneratorRun> {
  return find("wrk") === undefined ? autocannon(url, seconds, {}) : wrk(url, seconds);
}

/** Compilers, pools and caches are as cold as they are after a start. */
export function sampleFirst({ pids, serverOnly }: Subject, { firstSeconds }: Extent): Promise<LoadFigure> {
  return sampleLoad(pids, () => http1(urlOf(serverOnly), firstSeconds));
}

export async function sampleSteady({ pids, serverOnly }: Subject, extent: Extent): Promise<LoadFigure> {
  // Its first seconds warmed it too.
  const left = Math.max(1, extent.warmupSeconds - extent.firstSeconds);
  await http1(urlOf(serverOnly), left);
  return sampleLoad(pids, () => http1(urlOf(serverOnly), extent.seconds));
}

/** wrk shows no certificate, so another generator does; connections are kept, hence its handshakes weigh little. */
export function sampleMutual({ pids, mutual, certificates }: Subject, { seconds }: Extent): Promise<LoadFigure> {
  if (find("oha") === undefined) throw new Error("oha is not installed; autocannon's figure is beside this one");
  return sampleLoad(pids, () => oha(urlOf(mutual), seconds, { certificate: certificates }));
}

export function sampleAutocannon({ pids, serverOnly }: Subject, { seconds }: Extent): Promise<LoadFigure> {
  return sampleLoad(pids, () => autocannon(urlOf(serverOnly), seconds, {}));
}

export function sampleAutocannonMutual(subject: Subject, { seconds }: Extent): Promise<LoadFigure> {
  const { pids, mutual, certificates } = subject;
  return sampleLoad(pids, () => autocannon(urlOf(mutual), seconds, { certificate: certificates }));
}

/** Warmed up once more: HTTP/1.1 warms what both share. */
export async function sampleHttp2({ contender, pids, serverOnly }: Subject, extent: Extent): Promise<LoadFigure> {
  if (!contender.http2) throw new Error("not spoken");
  await h2load(urlOf(serverOnly), Math.ceil(extent.warmupSeconds / 2));
  return sampleLoad(pids, () => h2load(urlOf(serverOnly), extent.seconds));
}
