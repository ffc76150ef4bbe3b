/** `postern uninject`: sidecars taken out of manifests. */
import { uninjectText } from "../inject/text/uninject-text.ts";
import { unifiedDiff } from "../inject/text/unified-diff.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";
import { MANIFEST_FLAGS, readManifestInput } from "./manifest-input.ts";

const UNINJECT: CommandSpec = {
  name: "uninject",
  summary: "Takes the sidecar out of the manifests that 'postern inject' wrote.",
  usage: ["uninject -f deployment.yaml", "uninject < injected.yaml"],
  flags: MANIFEST_FLAGS,
  notes: `Gives back what was injected byte for byte. An object that was changed since then keeps the change; its comments and
order stay, and its layout is made anew. Exit code: 0 done, 1 refused, 2 usage.`,
};

export async function runUninject(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems, help } = parseFlags(UNINJECT, argv);
  if (help) {
    io.stdout(helpText(UNINJECT));
    return EXIT.ok;
  }
  const input = problems.length > 0 ? { problems } : await readManifestInput(values.get("filename")?.[0], io);
  if (!("text" in input)) {
    io.printError(usageError(UNINJECT, "problems" in input ? input.problems : [input.problem]));
    return EXIT.usage;
  }
  const result = uninjectText(input.text);
  if (result.kind === "refused") {
    for (const problem of result.problems) io.printError(`postern uninject: ${input.name}: ${problem}`);
    return EXIT.failed;
  }
  for (const line of result.relaid)
    io.printError(
      `postern uninject: note: ${input.name}: line ${line}: the object was changed after its injection; its layout is made anew`,
    );
  io.stdout(values.has("diff") ? unifiedDiff(input.name, input.text, result.edits) : result.text);
  return EXIT.ok;
}
