/** Rows of a run that nobody made. */
import type { BodyFigure, Figures, LoadFigure, Row } from "../../../../bench/load/measurements/figures.ts";

export function load(cpuUs: number, extra: Partial<LoadFigure> = {}): LoadFigure {
  return { cpuUs, perSecond: 1, busy: 0.99, others: 0, generator: "wrk", generatorUs: 1, ...extra };
}

export function body(mibPerSecond: number, cpuUs: number, extra: Partial<BodyFigure> = {}): BodyFigure {
  return { mibPerSecond, cpuUs, busy: 0.99, others: 0, generatorUs: 1, ...extra };
}

const NONE = { unmeasured: "not in this test" };

export function row(contender: string, figures: Partial<Figures>, family = contender): Row {
  const result: Figures = {
    first: NONE,
    steady: NONE,
    mutual: NONE,
    autocannon: NONE,
    autocannonMutual: NONE,
    http2: NONE,
    fixedRate: NONE,
    bodyDown: NONE,
    bodyUp: NONE,
    handshakeFull: NONE,
    handshakeResumed: NONE,
    memory: { startMiB: 1, loadedMiB: 2, kibPerConnection: 3 },
    ...figures,
  };
  return { contender, family, note: "", result };
}
