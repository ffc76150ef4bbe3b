/** JSON lines on stdout, and nothing else. */
import { pino } from "pino";

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
