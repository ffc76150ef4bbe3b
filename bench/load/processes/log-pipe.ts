/** A pipe for the access log, as a container runtime gives it: read at once by another process on the other core. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { LOAD_CORE, start, type Child } from "./pinned-process.ts";

export interface LogPipe extends AsyncDisposable {
  /** For the standard output of the process that logs. */
  readonly fd: number;
  /** The first lines that came. */
  readonly beginning: () => string;
}

/** @param path a name that is not taken, in the run's folder */
export function openLogPipe(path: string): LogPipe {
  execFileSync("mkfifo", [path]);
  const reader: Child = start(LOAD_CORE, "sh", [
    "-c",
    'exec <"$0"; head -c 4000 >"$0.head"; exec cat >/dev/null',
    path,
  ]);
  // Read and write, so that the opening waits for nobody.
  const fd = openSync(path, constants.O_RDWR);
  return {
    fd,
    beginning: () => {
      try {
        return readFileSync(`${path}.head`, "utf8");
      } catch {
        return "";
      }
    },
    [Symbol.asyncDispose]: async () => {
      closeSync(fd);
      await reader[Symbol.asyncDispose]();
    },
  };
}
