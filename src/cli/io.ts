/** What a command may touch of the process: handed in by main.ts, so that tests can be the process. */
export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back when the process is asked to end; the second time means at once. */
  readonly onTermination: (listener: (signal: string) => void) => void;
}

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
