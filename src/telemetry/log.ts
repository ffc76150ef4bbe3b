/** JSON lines on stdout, and nothing else. */
import { pino } from "pino";
import { LogOutput, type WriteText } from "./log-output.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Fields first, then the sentence; an `error` field is written with its message and stack. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** @param write takes one line with its newline; a line is handed over whole */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    { write },
  );
}

/** A log and the output that it shares with the lines of the threads. */
export function openLog(level: LogLevel, write: WriteText): { readonly log: Log; readonly output: LogOutput } {
  const output = new LogOutput(write, (lines) =>
    log.warn({ lines }, "log lines were lost: the reader of the output did not take them"),
  );
  const log = createLog(level, (line) => output.line(line));
  return { log, output };
}
