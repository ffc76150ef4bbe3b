/** The manifest that a command changes: from a file or from stdin. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readTextFile } from "../files/read-text.ts";
import type { Flag } from "./flags.ts";
import type { CliIo } from "./io.ts";

export const MANIFEST_FLAGS: readonly Flag[] = [
  { name: "filename", short: "f", value: "FILE|-", help: "manifest, YAML or JSON, any number of documents (stdin)" },
  { name: "diff", help: "print what would change as a unified diff" },
];

export interface ManifestInput {
  /** As messages have it. */
  readonly name: string;
  readonly text: string;
}

export async function readManifestInput(
  file: string | undefined,
  io: CliIo,
): Promise<ManifestInput | { readonly problem: string }> {
  const isStdin = file === undefined || file === "-";
  try {
    return isStdin ? { name: "stdin", text: await io.stdin() } : { name: file, text: await readTextFile(file) };
  } catch (error) {
    return {
      problem: `--filename ${file ?? "-"} cannot be read: ${wordsOfFailure(error)}`,
    };
  }
}
