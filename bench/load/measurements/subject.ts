/** A contender that runs, as the measurements see it. */
import type { Certificates } from "../certificates.ts";
import type { Contender } from "../contenders/contender.ts";
import type { BodyFiles } from "../application/application.ts";

export interface Subject {
  readonly contender: Contender;
  readonly pids: readonly number[];
  readonly certificates: Certificates;
  readonly serverOnly: number;
  readonly mutual: number;
}

export const MEASUREMENTS = [
  "first",
  "steady",
  "fixed-rate",
  "mutual",
  "autocannon",
  "http2",
  "bodies",
  "handshakes",
] as const;

export type MeasurementName = (typeof MEASUREMENTS)[number];

/** What is measured, for how long and how much. */
export interface Extent {
  readonly measurements: ReadonlySet<MeasurementName>;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** After the start, before anything is warm. */
  readonly firstSeconds: number;
  /** Requests a second of the open loop. */
  readonly rate: number;
  readonly body: BodyFiles;
  /** The quickest of so many transfers counts. */
  readonly bodyRepeats: number;
  readonly idleConnections: number;
}

export const urlOf = (port: number, path = "/"): string => `https://127.0.0.1:${port}${path}`;
