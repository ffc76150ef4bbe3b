/** What is behind every contender. */
import type { Child } from "../processes/pinned-process.ts";

/** 28 bytes, the body of every timed response. */
export const BODY = "the application has answered";

export interface Application {
  readonly name: string;
  readonly port: number;
  readonly child: Child;
}

/** The large body: an application serves it at `/body/NAME` and takes it at `/sink/NAME`. */
export interface BodyFiles {
  /** In memory where the machine has such a folder: no disk is measured. */
  readonly directory: string;
  readonly name: string;
  readonly bytes: number;
}
