/** What is asked of an application, and what is told of its answer. */
import type { ProbeConfig } from "../../config/config.ts";

export type Question = Exclude<ProbeConfig["ask"], { readonly kind: "drained" }>;

export interface ProbeAnswer {
  readonly healthy: boolean;
  /** Of the application's answer no more than what it was: the health port is open to more than its callers. */
  readonly words: string;
}
