/** What is measured of a contender; a measurement that it failed or cannot do says so. */
import type { Latency } from "../generators/generated-load.ts";

/** A load and what it took of both cores. */
export interface LoadFigure {
  /** CPU of the proxy's processes for a request, microseconds. */
  readonly cpuUs: number;
  readonly perSecond: number;
  /** Share of its core that the proxy had, 0 to 1: below `SATURATED` the load and not the proxy set the rate. */
  readonly busy: number;
  /** Share of it that other processes had. */
  readonly others: number;
  readonly generator: string;
  /** CPU of the generator for a request, microseconds. */
  readonly generatorUs: number;
  readonly latency?: Latency;
}

/** A large body one way. */
export interface BodyFigure {
  readonly mibPerSecond: number;
  /** CPU of the proxy for a MiB, microseconds. */
  readonly cpuUs: number;
  readonly busy: number;
  readonly others: number;
  readonly generatorUs: number;
}

export interface MemoryPoint {
  readonly connections: number;
  readonly mib: number;
}

export interface MemoryFigure {
  /** After its start, before any load. */
  readonly startMiB: number;
  /** After all load. */
  readonly loadedMiB: number;
  /** For a connection that is idle after one request; opened before any load, whose freed memory it would use. */
  readonly kibPerConnection: number;
  /** Resident memory over the connections that were open; older results lack it. */
  readonly overConnections?: readonly MemoryPoint[];
}

/** Why there is no figure. */
export interface Unmeasured {
  readonly unmeasured: string;
}

export type Maybe<Figure> = Figure | Unmeasured;

export interface Figures {
  readonly first: Maybe<LoadFigure>;
  readonly steady: Maybe<LoadFigure>;
  readonly mutual: Maybe<LoadFigure>;
  readonly autocannon: Maybe<LoadFigure>;
  readonly autocannonMutual: Maybe<LoadFigure>;
  readonly http2: Maybe<LoadFigure>;
  readonly fixedRate: Maybe<LoadFigure>;
  readonly bodyDown: Maybe<BodyFigure>;
  readonly bodyUp: Maybe<BodyFigure>;
  readonly handshakeFull: Maybe<LoadFigure>;
  readonly handshakeResumed: Maybe<LoadFigure>;
  readonly memory: MemoryFigure;
}

export interface Row {
  readonly contender: string;
  readonly family: string;
  readonly note: string;
  readonly result: Maybe<Figures>;
}

export const SATURATED = 0.9;
/** Above it the machine was not quiet. */
export const DISTURBED = 0.05;

export function isUnmeasured(value: object): value is Unmeasured {
  return "unmeasured" in value;
}
