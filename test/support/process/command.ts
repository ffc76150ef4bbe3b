/** A command in this process, with everything that it says. */
import { createCliIo, type CliIo } from "../../../src/cli/io.ts";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runCommand(
  command: (argv: readonly string[], io: CliIo) => Promise<number>,
  ...argv: readonly string[]
): Promise<CommandResult> {
  return runCommandWithInput(command, "", ...argv);
}

/** @param input what stands on stdin */
export async function runCommandWithInput(
  command: (argv: readonly string[], io: CliIo) => Promise<number>,
  input: string,
  ...argv: readonly string[]
): Promise<CommandResult> {
  let stdout = "";
  let stderr = "";
  const code = await command(
    argv,
    createCliIo({
      stdout: (text) => (stdout += text),
      stderr: (text) => (stderr += text),
      stdin: () => Promise.resolve(input),
      env: {},
      onTermination: () => undefined,
    }),
  );
  return { code, stdout, stderr };
}
