/** What the suites have written, as their files have it; a suite that did not run has no figures. */
import type { Figure as ConnectionFigure } from "../handshake/figures.ts";
import type { HandshakeOptions } from "../handshake/options.ts";
import type { PosternBuild } from "../load/contenders/postern.ts";
import type { Outcome } from "../load/measurements/measure-all.ts";
import type { LoadOptions } from "../load/options.ts";
import type { Percentiles } from "../machine/percentiles.ts";
import type { MachineStamp } from "../machine/stamp.ts";
import type { ChangeFigures } from "../revocation/figures.ts";
import type { RevocationOptions } from "../revocation/options.ts";

export interface LoadResult extends Outcome {
  readonly bench: "load";
  readonly machine: MachineStamp;
  readonly versions?: Readonly<Record<string, string>>;
  readonly options: Pick<LoadOptions, "quick" | "rate" | "seconds">;
  readonly builds: readonly Pick<PosternBuild, "suffix">[];
}

export interface MicroResult {
  readonly bench: "micro";
  readonly machine: MachineStamp;
  readonly checkout: string;
  readonly figures: readonly {
    readonly endpoints: number;
    readonly addresses: string;
    readonly nanoseconds: number;
  }[];
}

export interface StartFigure {
  readonly source: string;
  readonly bundle: string;
  readonly rounds: number;
  readonly readyMs: number;
  readonly bestReadyMs: number;
  readonly cpuMs: number;
  readonly residentMiB: number;
  readonly privateMiB: number;
}

export interface StartResult {
  readonly bench: "start";
  readonly machine: MachineStamp;
  readonly figures: readonly StartFigure[];
}

export interface HandshakeResult {
  readonly bench: "handshake";
  readonly machine: MachineStamp;
  readonly options: Pick<HandshakeOptions, "quick" | "rounds" | "seconds">;
  readonly figures: readonly ConnectionFigure[];
  readonly failures: readonly string[];
}

export interface RevocationResult {
  readonly bench: "revocation";
  readonly machine: MachineStamp;
  readonly options: RevocationOptions;
  /** KiB of an idle connection. */
  readonly idleKiB: number;
  readonly figures: readonly ChangeFigures[];
}

export interface PropagationResult {
  readonly bench: "propagation";
  readonly machine: MachineStamp;
  readonly kind: string;
  readonly rows: readonly {
    readonly change: string;
    readonly sinceSentMs: Percentiles;
    readonly sinceAnsweredMs: Percentiles;
    readonly longerThan100Ms: number;
  }[];
  readonly cost: Readonly<Record<string, number>>;
}

export interface FleetResult {
  readonly bench: "fleet";
  readonly machine: MachineStamp;
  readonly kind: string;
  readonly sidecars: number;
  readonly quiet: Readonly<Record<string, number>>;
}

export type SuiteResult =
  | LoadResult
  | MicroResult
  | StartResult
  | HandshakeResult
  | RevocationResult
  | PropagationResult
  | FleetResult;

/** At most one of each; of the baseline only where it writes a file of its own. */
export interface Results {
  readonly load?: LoadResult;
  readonly micro?: MicroResult;
  readonly microBefore?: MicroResult;
  readonly start?: StartResult;
  readonly handshake?: HandshakeResult;
  readonly revocation?: RevocationResult;
  readonly propagation?: PropagationResult;
  readonly fleet?: FleetResult;
}

/** @param text of a file of figures; those that were no numbers are none again: JSON has `null` for them, which compares as 0 */
export function parseFigures(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => (value === null ? Number.NaN : value));
}

/**
 * @param found in the order in which they were taken: the checkout comes before what it is compared with
 * @throws when there are more of a kind than a report has room for
 */
export function gather(found: readonly SuiteResult[]): Results {
  const results: Partial<Record<keyof Results, SuiteResult>> = {};
  for (const result of found) {
    const place = result.bench === "micro" && results.micro !== undefined ? "microBefore" : result.bench;
    if (results[place] !== undefined) throw new Error(`two results of ${result.bench}; a report has one`);
    results[place] = result;
  }
  return results as Results;
}
