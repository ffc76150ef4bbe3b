/** `node conformance/run.ts [OPTION...] -- COMMAND [ARGUMENT...]`; see README.md and `--help`. */
import { constants } from "node:os";
import { parseArguments, USAGE } from "./arguments.ts";
import { CannotTry } from "./cannot-try.ts";

/** Ends the run in order; a second signal ends the process as it would have without this. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      process.exitCode = 128 + constants.signals[signal];
      stop.abort(new Error(signal));
    });
  return stop.signal;
}

async function run(): Promise<number> {
  const asked = parseArguments(process.argv.slice(2));
  if (asked === "help") {
    console.log(USAGE.trimEnd());
    return 0;
  }
  const stopped = stopOnSignals();
  // Whoever has stopped reading what the implementation says must not end the run before it has cleaned up.
  process.stderr.on("error", () => undefined);
  // Loading it reads the cases.
  const { tryImplementation } = await import("./try-implementation.ts");
  return tryImplementation(asked, stopped);
}

try {
  const code = await run();
  process.exitCode ??= code;
} catch (error) {
  if (!(error instanceof CannotTry)) throw error;
  console.error(error.message);
  process.exitCode ??= 2;
}
