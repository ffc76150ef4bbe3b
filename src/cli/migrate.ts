/** `postern migrate`: what becomes of an OSM installation, and the commands that change it over. */
import { stat } from "node:fs/promises";
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readManifest } from "../discovery/manifests/documents.ts";
import { listManifests, readContent } from "../discovery/manifests/files.ts";
import { isText } from "../files/read-text.ts";
import type { Fields } from "../inject/injection.ts";
import type { ApiObjects } from "../install/cluster/api-objects.ts";
import { SETTABLE } from "./install-options.ts";
import { readSettings } from "../install/settings.ts";
import { AUTHORITY_SECRET, EXPORTED } from "../migrate/exported-kinds.ts";
import { namespaceOf, readInstallation, type Installation } from "../migrate/installation.ts";
import { reportLines, statementsOf } from "../migrate/report.ts";
import { isLoss } from "../migrate/statement.ts";
import { STEPS, stepsOf } from "../migrate/steps.ts";
import { workloadsOf } from "../migrate/workloads.ts";
import { DURATION_UNITS, readDuration, Unusable } from "../config/values.ts";
import { KUBECONFIG_FLAG, withCluster } from "./cluster-access.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { readMesh } from "./install-options.ts";
import { EXIT, type CliIo } from "./io.ts";

const TIMEOUT_MS = 120_000;
const STDIN = "-";

const MIGRATE: CommandSpec = {
  name: "migrate",
  summary:
    "Reads an Open Service Mesh installation; says what maps and what differs, and prints the commands of the change-over.",
  usage: [
    "migrate -f FILE|DIR|-... [--step NAME]",
    "migrate [--kubeconfig FILE] [--step NAME]",
    `migrate -f osm.yaml --step ${STEPS[0]} | sh -e`,
  ],
  flags: [
    {
      name: "filename",
      short: "f",
      value: "FILE|DIR|-",
      repeatable: true,
      help: "export: YAML or JSON, lists and several documents; without it the cluster is asked",
    },
    { name: "step", value: "NAME", help: `only the commands of one step: ${STEPS.join(", ")}` },
    { name: "only", value: "NS", repeatable: true, help: "move, audit and enforce this namespace alone" },
    { name: "audit", value: "DURATION", help: "how long Postern only counts what it would refuse (24h)" },
    { name: "mesh", value: "NAME", help: "of OSM's mesh, where there are several" },
    { name: "osm-namespace", value: "NS", help: "of OSM (that of its MeshConfig, else osm-system)" },
    { name: "mesh-name", value: "NAME", help: "of Postern's mesh, another than OSM's (postern)" },
    { name: "trust-domain", value: "NAME", help: "OSM's, last part of every name in its certificates (cluster.local)" },
    { name: "set", value: "KEY=VALUE", repeatable: true, help: "passed on to 'postern install', e.g. image=..." },
    KUBECONFIG_FLAG,
  ],
  notes: `Nothing is changed. Each line of the report begins with
  WEAKER   something that OSM refuses would be let in, or nobody would refuse it
  CLOSED   somebody whom OSM lets in would be refused
  differs  otherwise, and nobody is let in or refused by it
  maps     the same, or carried over by the steps
The export: kubectl get ${EXPORTED.map(({ resource }) => resource).join(",")} -A -o yaml
Exit code: 0 nothing is WEAKER or CLOSED, 1 something is, or the export cannot be used, 2 usage. With --step: 0, 1, 2.`,
};

export async function runMigrate(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems: found, help } = parseFlags(MIGRATE, argv);
  if (help) {
    io.stdout(helpText(MIGRATE));
    return EXIT.ok;
  }
  const problems = [...found];
  const options = readOptions(values, problems);
  const given = values.get("filename");
  const files = given === undefined || problems.length > 0 ? [] : await findFiles(given, problems);
  if (given !== undefined && values.has("kubeconfig"))
    problems.push("--filename and --kubeconfig exclude each other: an export is read, or a cluster");
  if (problems.length > 0) {
    io.printError(usageError(MIGRATE, problems));
    return EXIT.usage;
  }
  if (given === undefined)
    return withCluster(
      { name: "migrate", kubeconfig: values.get("kubeconfig")?.[0], timeoutMs: TIMEOUT_MS },
      io,
      async (objects) => tell(await listed(objects), options, io),
    );
  const objects = await readFiles(files, io);
  return "problem" in objects ? failed(objects.problem, io) : tell(objects.objects, options, io);
}

interface Options {
  readonly chosen: { readonly mesh?: string; readonly namespace?: string };
  readonly meshName: string;
  readonly trustDomain: string;
  readonly auditMs: number;
  readonly settings: readonly string[];
  readonly only: readonly string[];
  readonly step?: string;
}

function readOptions(values: ReadonlyMap<string, readonly string[]>, problems: string[]): Options {
  const text = (name: string): string | undefined => values.get(name)?.[0];
  const step = text("step");
  if (step !== undefined && !STEPS.some((one) => one === step))
    problems.push(`--step has the value '${step}'; expected one of ${STEPS.join(", ")}`);
  const audit = text("audit") ?? "24h";
  const auditMs = readDuration(audit);
  if (auditMs instanceof Unusable || auditMs === 0)
    problems.push(`--audit has the value '${audit}'; expected a duration such as 72h (${DURATION_UNITS})`);
  const settings = values.get("set") ?? [];
  readSettings(settings, SETTABLE, problems);
  const trust = text("trust-domain");
  const { mesh } = readMesh(
    new Map([["mesh-name", [text("mesh-name") ?? "postern"]]]),
    new Map(trust === undefined ? [] : [["trust-domain", [trust]]]),
    problems,
  );
  const [osm, namespace] = [text("mesh"), text("osm-namespace")];
  return {
    chosen: { ...(osm !== undefined && { mesh: osm }), ...(namespace !== undefined && { namespace }) },
    meshName: mesh.name,
    trustDomain: mesh.trustDomain,
    auditMs: auditMs instanceof Unusable ? 0 : auditMs,
    settings,
    only: values.get("only") ?? [],
    ...(step !== undefined && { step }),
  };
}

function tell(objects: readonly Fields[], options: Options, io: CliIo): number {
  const read = readInstallation(objects, options.chosen);
  if ("problem" in read) return failed(read.problem, io);
  const problem = mismatch(read, options);
  if (problem !== undefined) return failed(problem, io);
  const workloads = workloadsOf(read);
  const steps = stepsOf(read, workloads, {
    mesh: { name: options.meshName, namespace: read.namespace, trustDomain: options.trustDomain },
    auditUntil: new Date(Date.now() + options.auditMs).toISOString().replace(/\.\d+/, ""),
    settings: options.settings,
    only: options.only,
  });
  const step = steps.find(({ name }) => name === options.step);
  if (step !== undefined) {
    io.stdout(step.commands.map((command) => `${command}\n`).join(""));
    return EXIT.ok;
  }
  const statements = statementsOf(read, workloads);
  io.print(reportLines(read, statements, steps));
  return statements.some(isLoss) ? EXIT.failed : EXIT.ok;
}

function mismatch({ mesh, namespaces }: Installation, { meshName, only }: Options): string | undefined {
  if (mesh === meshName)
    return `OSM's mesh is called '${mesh}' too, and would inject beside Postern; choose another --mesh-name`;
  const unknown = only.find((name) => !namespaces.has(name));
  return unknown === undefined ? undefined : `--only ${unknown}: no such namespace belongs to mesh '${mesh}'`;
}

function failed(problem: string, io: CliIo): number {
  io.printError(`postern migrate: ${problem}`);
  return EXIT.failed;
}

async function findFiles(paths: readonly string[], problems: string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    try {
      const stats = path === STDIN ? undefined : await stat(path);
      if (stats?.isDirectory() === true) {
        const found = await listManifests(path);
        files.push(...found.files.map((file) => file.path));
        problems.push(...[...found.unreadable].map(([directory, failure]) => `--filename ${directory} ${failure}`));
      } else if (stats === undefined || isText(path, stats)) files.push(path);
      else problems.push(`--filename ${path} is a device, pipe or socket; expected a file, a directory or -`);
    } catch (error) {
      problems.push(`--filename ${path} cannot be read: ${wordsOfFailure(error)}`);
    }
  }
  return [...new Set(files)];
}

/** A file that cannot be read as a whole is no base for a change-over. */
async function readFiles(
  files: readonly string[],
  io: CliIo,
): Promise<{ readonly objects: readonly Fields[] } | { readonly problem: string }> {
  const objects: Fields[] = [];
  for (const file of files) {
    const content = file === STDIN ? { text: await io.stdin() } : await readContent(file);
    if (content === undefined || "failure" in content)
      return { problem: `${file}: ${content === undefined ? "the file is gone" : content.failure}` };
    const read = readManifest(file === STDIN ? "standard input" : file, content.text);
    if ("fault" in read) return { problem: `${read.fault.file}:${read.fault.line}: ${read.fault.message}` };
    // A List may hold more than a call takes arguments.
    for (const { value } of read.objects) objects.push(value);
  }
  return { objects };
}

/** What is not served is not there; the CA's Secret is read for the names of its keys. */
async function listed(objects: ApiObjects): Promise<readonly Fields[]> {
  const lists = await Promise.all(EXPORTED.map(({ apiVersion, kind }) => objects.list(apiVersion, kind)));
  const all: readonly Fields[] = lists.flat();
  const places = new Set(all.filter(({ kind }) => kind === "MeshConfig").map(namespaceOf));
  const secrets = await Promise.all(
    [...places].map((namespace) =>
      objects.read({ apiVersion: "v1", kind: "Secret", metadata: { name: AUTHORITY_SECRET, namespace } }),
    ),
  );
  return [...all, ...secrets.flatMap((secret) => (secret === undefined ? [] : { ...secret, kind: "Secret" }))];
}
