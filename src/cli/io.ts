/** What a command may touch of the process: handed in by main.ts, so that tests can be the process. */
export interface CliIo {
  /** Never waits. @param done called when the text is out or, with an error, lost */
  readonly stdout: (text: string, done?: (error?: Error | null) => void) => void;
  readonly stderr: (text: string, done?: (error?: Error | null) => void) => void;
  /** All of the standard input, read to its end. Rejects, in words, where that is too far. */
  readonly stdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back when the process is asked to end; the second time means at once. */
  readonly onTermination: (listener: (signal: string) => void) => void;
}

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
