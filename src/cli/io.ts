/** What a command may touch of the process: handed in by main.ts, so that tests can be the process. */
import { visible, visibleJson } from "../telemetry/visible-text.ts";

export interface ProcessIo {
  /**
   * Byte for byte: manifests, scripts, log lines, text of this source. What holds names of callers or objects goes by
   * `print`. Never waits. @param done called when the text is out or, with an error, lost
   */
  readonly stdout: (text: string, done?: (error?: Error | null) => void) => void;
  /** Log lines alone; everything else goes by `printError`. */
  readonly stderr: (text: string, done?: (error?: Error | null) => void) => void;
  /** All of the standard input, read to its end. Rejects, in words, where that is too far. */
  readonly stdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back when the process is asked to end; the second time means at once. */
  readonly onTermination: (listener: (signal: string) => void) => void;
}

export interface CliIo extends ProcessIo {
  /** Lines for people, without their ends: whatever a name in them holds, it stays in its line and steers no terminal. */
  readonly print: (lines: string | readonly string[]) => void;
  /** As `print`, on stderr. */
  readonly printError: (lines: string | readonly string[]) => void;
  /** One JSON document, in one line. */
  readonly printJson: (value: unknown) => void;
}

export function createCliIo(process: ProcessIo): CliIo {
  const text = (lines: string | readonly string[]): string =>
    [lines]
      .flat()
      .map((line) => `${visible(line)}\n`)
      .join("");
  return {
    ...process,
    print: (lines) => process.stdout(text(lines)),
    printError: (lines) => process.stderr(text(lines)),
    printJson: (value) => process.stdout(`${visibleJson(value)}\n`),
  };
}

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
