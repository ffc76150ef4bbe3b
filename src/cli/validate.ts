/** `postern validate`: IngressBackend objects in files, held against the API's schema and OSM's admission rules. */
import { stat } from "node:fs/promises";
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readDocuments, type ManifestObject } from "../discovery/manifests/documents.ts";
import { listManifests, readContent } from "../discovery/manifests/files.ts";
import { isText } from "../files/read-text.ts";
import type { Severity } from "../policy/model.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";
import { findingsOf, policiesIn, type Finding } from "./manifest-findings.ts";

const VALIDATE: CommandSpec = {
  name: "validate",
  summary: "Checks the IngressBackend objects in files and directories: the API's schema, then OSM's admission rules.",
  usage: ["validate FILE|DIR|-... [--json] [--allow-empty]"],
  positionals: "FILE|DIR|-",
  flags: [
    { name: "json", help: "one JSON document on stdout" },
    { name: "allow-empty", help: "it is no problem when no IngressBackend is found" },
  ],
  notes: "- is the standard input. Exit code: 0 clean (warnings allowed), 1 problems, 2 usage.",
};

const STDIN = "-";

export async function runValidate(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals, problems, help } = parseFlags(VALIDATE, argv);
  if (help) {
    io.stdout(helpText(VALIDATE));
    return EXIT.ok;
  }
  const usage = [
    ...problems,
    ...(positionals.length === 0 && problems.length === 0
      ? ["name at least one file or directory, or - for the standard input"]
      : []),
  ];
  const files = usage.length > 0 ? [] : await findFiles(positionals, usage);
  if (usage.length > 0) {
    io.printError(usageError(VALIDATE, usage));
    return EXIT.usage;
  }
  const { objects, faults } = await readFiles(files, io);
  const policies = policiesIn(objects);
  const findings = [...faults, ...findingsOf(objects)];
  const sawErrors = findings.some((finding) => finding.severity === "error");
  if (policies.length === 0 && !sawErrors && !values.has("allow-empty"))
    findings.push(nothingFound(positionals, files));
  const failed = findings.some((finding) => finding.severity === "error");
  if (values.has("json")) io.printJson({ files: files.length, objects: policies.length, problems: findings });
  else io.print(report(findings, files.length, policies.length));
  return failed ? EXIT.failed : EXIT.ok;
}

/** A path that does not exist is a usage error. */
async function findFiles(paths: readonly string[], usage: string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    try {
      const stats = path === STDIN ? undefined : await stat(path);
      if (stats?.isDirectory() === true) {
        const found = await listManifests(path);
        files.push(...found.files.map((file) => file.path));
        usage.push(...[...found.unreadable].map(([directory, failure]) => `${directory} ${failure}`));
      } else if (stats === undefined || isText(path, stats)) files.push(path);
      else
        usage.push(`${path} is a device, pipe or socket; expected a file or a directory, or - for the standard input`);
    } catch (error) {
      usage.push(`${path} cannot be read: ${wordsOfFailure(error)}`);
    }
  }
  return [...new Set(files)];
}

async function readFiles(
  files: readonly string[],
  io: CliIo,
): Promise<{ readonly objects: readonly ManifestObject[]; readonly faults: readonly Finding[] }> {
  const objects: ManifestObject[] = [];
  const faults: Finding[] = [];
  for (const file of files) {
    const content = file === STDIN ? await readStdin(io) : await readContent(file);
    if (content === undefined || "failure" in content) {
      faults.push({
        severity: "error",
        file,
        document: 1,
        line: 1,
        path: "",
        message: content?.failure ?? "the file is gone",
      });
      continue;
    }
    const read = readDocuments(file === STDIN ? "standard input" : file, content.text);
    faults.push(...read.faults.map((fault): Finding => ({ severity: "error", path: "", ...fault })));
    // A List may hold more than a call takes arguments.
    for (const object of read.objects) objects.push(object);
  }
  return { objects, faults };
}

async function readStdin(io: CliIo): Promise<{ readonly text: string } | { readonly failure: string }> {
  try {
    return { text: await io.stdin() };
  } catch (error) {
    return { failure: `cannot be read: ${wordsOfFailure(error)}` };
  }
}

/** Of no file and no line: it is said of all that was named. */
function nothingFound(paths: readonly string[], files: readonly string[]): Finding {
  const what = files.length === 0 ? "file with an ending .yaml, .yml or .json" : "IngressBackend";
  const where = paths.map((path) => (path === STDIN ? "the standard input" : path)).join(", ");
  const message = `no ${what} was found in ${where} (--allow-empty if that is meant)`;
  return { severity: "error", file: "", document: 1, line: 1, path: "", message };
}

function report(findings: readonly Finding[], files: number, objects: number): readonly string[] {
  const lines = findings.map(({ severity, file, line, object, path, message }) => {
    const place = [object, path].filter((part) => part !== undefined && part !== "").join(": ");
    return `${file === "" ? "" : `${file}:${line}: `}${severity}: ${place === "" ? "" : `${place}: `}${message.replaceAll("\n", "; ")}`;
  });
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  return [
    ...lines,
    `${objects} IngressBackends in ${files} files: ${count("error")} problems, ${count("warning")} warnings`,
  ];
}
