/** `postern validate`: IngressBackend objects in files, held against the API's schema and OSM's admission rules. */
import { stat } from "node:fs/promises";
import { didYouMean, nearestName } from "../config/did-you-mean.ts";
import { readDocuments, type ManifestObject } from "../discovery/manifests/documents.ts";
import { listManifests, readContent } from "../discovery/manifests/files.ts";
import { listOf, sortObjects } from "../discovery/manifests/kinds.ts";
import { buildWorld } from "../discovery/world.ts";
import { isMeshConfig, meshConfigProblems } from "../policy/mesh-config.ts";
import { objectKey, type Policy, type Problem, type Severity, type World } from "../policy/model.ts";
import { splitBackendName } from "../policy/own-service.ts";
import { INGRESS_BACKEND_VERSIONS, parseIngressBackend } from "../policy/parse.ts";
import { validateParts, validatePolicy } from "../policy/validate.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";

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

/** One finding and where it stands. */
interface Finding {
  readonly severity: Severity;
  readonly file: string;
  readonly document: number;
  readonly line: number;
  /** `IngressBackend ns/name`; absent for a file that cannot be read. */
  readonly object?: string;
  readonly path: string;
  readonly message: string;
}

const STDIN = "-";
const KIND = "IngressBackend";
/** Of the same group, and none of our business. */
const OTHER_KINDS: readonly string[] = [
  "Egress",
  "Retry",
  "UpstreamTrafficSetting",
  "Telemetry",
  "AccessControl",
  "AccessCert",
];
const GROUPS: readonly string[] = INGRESS_BACKEND_VERSIONS.map((version) => version.split("/")[0] ?? "");

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
    io.stderr(usageError(VALIDATE, usage));
    return EXIT.usage;
  }
  const { objects, findings } = await readFiles(files, io);
  const policies = objects.filter((object) => listOf(object) === "ingressBackends");
  findings.push(...judge(policies, objects), ...objects.filter(isMeshConfig).flatMap(meshConfigFindings));
  findings.push(...objects.flatMap(misspelt));
  if (policies.length === 0 && findings.length === 0 && !values.has("allow-empty")) findings.push(nothingFound(files));
  const failed = findings.some((finding) => finding.severity === "error");
  if (values.has("json"))
    io.stdout(`${JSON.stringify({ files: files.length, objects: policies.length, problems: findings })}\n`);
  else io.stdout(report(findings, files.length, policies.length));
  return failed ? EXIT.failed : EXIT.ok;
}

/** A path that does not exist is a usage error. */
async function findFiles(paths: readonly string[], usage: string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    try {
      const stats = path === STDIN ? undefined : await stat(path);
      // A device may never end.
      if (stats?.isCharacterDevice() === true || stats?.isBlockDevice() === true)
        usage.push(`${path} is a device; expected a file or a directory, or - for the standard input`);
      else files.push(...(stats?.isDirectory() === true ? (await listManifests(path)).files : [path]));
    } catch (error) {
      usage.push(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return [...new Set(files)];
}

async function readFiles(
  files: readonly string[],
  io: CliIo,
): Promise<{ readonly objects: readonly ManifestObject[]; readonly findings: Finding[] }> {
  const objects: ManifestObject[] = [];
  const findings: Finding[] = [];
  for (const file of files) {
    const content = file === STDIN ? { text: await io.stdin() } : await readContent(file);
    if (content === undefined || "failure" in content) {
      findings.push({
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
    findings.push(...read.faults.map((fault): Finding => ({ severity: "error", path: "", ...fault })));
    objects.push(...read.objects);
  }
  return { objects, findings };
}

function judge(policies: readonly ManifestObject[], all: readonly ManifestObject[]): readonly Finding[] {
  const world = buildWorld(sortObjects(all));
  const parsed = policies.map((object) => ({ object, ...parseIngressBackend(object.value) }));
  const valid = parsed.flatMap(({ policy }) => policy ?? []);
  return parsed.flatMap(({ object, policy, invalid, readable, problems }) => {
    const { namespace, name } = policy ?? invalid ?? { namespace: "", name: "" };
    const admission =
      policy === undefined
        ? validateParts(readable ?? { backends: [], sources: [] })
        : [...validatePolicy(policy, valid), ...missingReferences(policy, world), ...repeats(policy, valid)];
    return [...problems, ...admission].map(({ severity, path, message }): Finding => {
      const { file, document } = object;
      return {
        severity,
        file,
        document,
        line: object.lineOf(path),
        object: `IngressBackend ${objectKey(namespace, name)}`,
        path,
        message,
      };
    });
  });
}

/** An object that is read as nothing, although somebody meant it as a policy. */
function misspelt(object: ManifestObject): readonly Finding[] {
  const { kind, apiVersion, file, document, line } = object;
  const find = (path: string, message: string): readonly Finding[] => [
    { severity: "error", file, document, line, object: `${apiVersion} ${kind}`, path, message },
  ];
  const [group = ""] = apiVersion.split("/");
  if (INGRESS_BACKEND_VERSIONS.includes(apiVersion)) {
    if (kind === KIND || OTHER_KINDS.includes(kind)) return [];
    return find("kind", `unknown kind '${kind}'${didYouMean(kind, [KIND, ...OTHER_KINDS])}`);
  }
  if (nearestName(kind, [KIND]) === undefined) return [];
  const near = nearestName(group, GROUPS) ?? GROUPS[0];
  const expected = INGRESS_BACKEND_VERSIONS.find((version) => version.startsWith(`${near}/`));
  return find("apiVersion", `unknown apiVersion '${apiVersion}' of kind ${kind}; expected ${expected}`);
}

function nothingFound(files: readonly string[]): Finding {
  const message =
    files.length === 0
      ? "no file with an ending .yaml, .yml or .json was found (--allow-empty if that is meant)"
      : "no IngressBackend was found (--allow-empty if that is meant)";
  return { severity: "error", file: files[0] ?? "", document: 1, line: 1, path: "", message };
}

function meshConfigFindings(object: ManifestObject): readonly Finding[] {
  const { file, document } = object;
  return meshConfigProblems(object.value).map((problem) => ({
    ...problem,
    file,
    document,
    line: object.lineOf(problem.path),
    object: "MeshConfig",
  }));
}

/** What an object names that was not given along: perhaps it is elsewhere, so these are warnings. */
function missingReferences(policy: Policy, world: World): readonly Problem[] {
  const warning = (path: string, message: string): Problem => ({ severity: "warning", path, message });
  const sources = policy.sources.flatMap((source, index) => {
    if (source.kind !== "Service" || source.name === "" || (source.namespace ?? "") === "") return [];
    const key = objectKey(source.namespace ?? "", source.name);
    if (world.services.has(key) || world.endpoints.has(key)) return [];
    return [warning(`spec.sources[${index}]`, `source Service ${key} is not among the given objects`)];
  });
  const backends = policy.backends.flatMap(({ name, port }, index) => {
    const key = objectKey(policy.namespace, splitBackendName(name).service);
    const service = world.services.get(key);
    if (service === undefined)
      return [warning(`spec.backends[${index}].name`, `backend Service ${key} is not among the given objects`)];
    if (service.hasNamedTargetPorts || service.targetPorts.includes(port.number)) return [];
    return [
      warning(
        `spec.backends[${index}].port.number`,
        `Service ${key} declares no target port ${port.number}: 'port.number' is the target port, not the Service's port`,
      ),
    ];
  });
  return [...sources, ...backends];
}

function repeats(policy: Policy, all: readonly Policy[]): readonly Problem[] {
  const same = all.filter((other) => other.namespace === policy.namespace && other.name === policy.name);
  if (same.every((other) => JSON.stringify(other) === JSON.stringify(policy))) return [];
  return [
    {
      severity: "error",
      path: "metadata.name",
      message: "the object is defined more than once, with different content",
    },
  ];
}

function report(findings: readonly Finding[], files: number, objects: number): string {
  const lines = findings.map(({ severity, file, line, object, path, message }) => {
    const place = [object, path].filter((part) => part !== undefined && part !== "").join(": ");
    return `${file}:${line}: ${severity}: ${place === "" ? "" : `${place}: `}${message}`;
  });
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  return [
    ...lines,
    `${objects} IngressBackends in ${files} files: ${count("error")} problems, ${count("warning")} warnings`,
    "",
  ].join("\n");
}
