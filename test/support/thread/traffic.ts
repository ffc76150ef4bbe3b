/** The lines of a data plane without a process around it, read again. */
import type { LineBatch } from "../../../src/telemetry/log-output.ts";
import type { LogLine } from "../process/log-lines.ts";

export function linesIn({ text }: LineBatch): readonly LogLine[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}

/** For whom what a data plane says of its traffic does not matter. */
export const UNHEARD = {
  onLines: (_batch: LineBatch, taken: () => void): void => taken(),
  onSpans: (): void => undefined,
};
