/** `postern install`: the mesh as manifests, or into a cluster. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { Manifest } from "../controller/manifests/manifest.ts";
import type { Mesh } from "../controller/names.ts";
import { MONITORED_LABEL } from "../policy/monitored-label.ts";
import type { ApiObjects } from "../install/cluster/api-objects.ts";
import { applyObjects } from "../install/cluster/apply-objects.ts";
import { awaitReadiness } from "../install/cluster/await-readiness.ts";
import { changeContour, contourChange } from "../install/cluster/contour-change.ts";
import { survey } from "../install/cluster/survey.ts";
import { contourObjects } from "../install/contour/contour-objects.ts";
import { CONTOUR_RELEASE, publishedManifest } from "../install/contour/published-manifest.ts";
import { meshObjects } from "../install/mesh-objects.ts";
import { obstacles } from "../install/cluster/obstacles.ts";
import { KUBECONFIG_FLAG, withCluster } from "./cluster-access.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { MESH_FLAGS, readInstall, SETTABLE, type InstallOptions } from "./install-options.ts";
import { EXIT, type CliIo } from "./io.ts";

/** The image has it at the same place. */
const DEFINITION = join(import.meta.dirname, "../../config/crd/policy.openservicemesh.io_ingressbackends.yaml");
/** Beyond the time that readiness is waited for: applying itself. */
const APPLY_MS = 120_000;

const INSTALL: CommandSpec = {
  name: "install",
  summary: "The whole mesh: definition, controller and, when asked, Contour. Prints it, or applies it and waits.",
  usage: [
    "install [--with-contour] --apply",
    "install [--set KEY=VALUE]... | kubectl apply -f -",
    "install --gateway contour --gateway-namespace projectcontour [--apply]",
  ],
  flags: [
    ...MESH_FLAGS,
    {
      name: "with-contour",
      value: "FILE|URL",
      optional: true,
      help: `Contour in the mesh's namespace, from its own published manifest (that of ${CONTOUR_RELEASE.version}, fetched)`,
    },
    { name: "set", value: "KEY=VALUE", repeatable: true, help: "a setting; the keys are below" },
    { name: "apply", help: "apply to the cluster, with progress on stderr, and wait until everything is ready" },
    { name: "timeout", value: "DURATION", help: "how long --apply waits (5m)" },
    { name: "upgrade", help: "replace another version of Postern" },
    { name: "beside-osm", help: "install although Open Service Mesh is there; its definition of IngressBackend stays" },
    { name: "gateway", value: "contour", help: "only the change of a Contour that is there already" },
    { name: "gateway-namespace", value: "NS", help: "where that Contour is" },
    KUBECONFIG_FLAG,
  ],
  notes: `Keys of --set are flags of 'postern controller' and some of the Deployment:
  ${SETTABLE.join(", ")}
Without --apply no cluster is asked, except for --gateway. An upgrade is install --apply --upgrade by the newer Postern.
Exit code: 0 done, 1 refused, failed or not ready in time, 2 usage.`,
};

export async function runInstall(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems: found, help } = parseFlags(INSTALL, argv);
  if (help) {
    io.stdout(helpText(INSTALL));
    return EXIT.ok;
  }
  const problems = [...found];
  const options = readInstall(values, problems);
  const gateway = values.get("gateway")?.[0];
  const namespace = values.get("gateway-namespace")?.[0];
  if (gateway !== undefined && gateway !== "contour")
    problems.push(`--gateway has the value '${gateway}'; expected contour (other gateways: docs/getting-started.md)`);
  if ((gateway === undefined) !== (namespace === undefined))
    problems.push("--gateway and --gateway-namespace go together: --gateway contour --gateway-namespace NS");
  if (gateway !== undefined && options.contour !== undefined)
    problems.push("--with-contour installs a Contour, --gateway changes one that is there: choose one");
  if (problems.length > 0) {
    io.printError(usageError(INSTALL, problems));
    return EXIT.usage;
  }
  const work = {
    name: "install",
    kubeconfig: values.get("kubeconfig")?.[0],
    timeoutMs: options.timeoutMs + APPLY_MS,
  };
  if (namespace !== undefined)
    return withCluster(work, io, (objects) => joinContour(objects, namespace, options.mesh, values.has("apply"), io));
  const wanted = await manifests(options, values.has("beside-osm"));
  if ("problem" in wanted) {
    io.printError(`postern install: ${wanted.problem}`);
    return EXIT.failed;
  }
  if (!values.has("apply")) {
    io.stdout(asYaml(wanted.objects));
    if (options.contour !== undefined)
      io.printError(
        "postern install: note: kubectl knows the kind TLSCertificateDelegation only after its definition is there: apply twice, or use --apply",
      );
    return EXIT.ok;
  }
  return withCluster(work, io, async (objects) => {
    const reasons = obstacles(await survey(objects), {
      mesh: options.mesh,
      withContour: options.contour !== undefined,
      besideOsm: values.has("beside-osm"),
      upgrade: values.has("upgrade"),
    });
    for (const reason of reasons) io.printError(`postern install: ${reason}`);
    return reasons.length > 0 ? EXIT.failed : apply(objects, wanted.objects, options, io);
  });
}

async function manifests(
  options: InstallOptions,
  besideOsm: boolean,
): Promise<{ readonly objects: readonly Manifest[] } | { readonly problem: string }> {
  const { mesh, controller, contour } = options;
  const definitions = besideOsm
    ? []
    : parseAllDocuments(await readFile(DEFINITION, "utf8")).map((document) => document.toJS() as Manifest);
  if (contour === undefined) return { objects: meshObjects({ controller, definitions }) };
  try {
    const placed = contourObjects(await publishedManifest(contour), mesh);
    return "problem" in placed
      ? { problem: `--with-contour ${contour}: ${placed.problem}` }
      : { objects: meshObjects({ controller, definitions, contour: placed.objects }) };
  } catch (error) {
    return { problem: `--with-contour: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function apply(
  objects: ApiObjects,
  wanted: readonly Manifest[],
  { mesh, gateways, timeoutMs }: InstallOptions,
  io: CliIo,
): Promise<number> {
  const say = (line: string): void => io.printError(line);
  await applyObjects(objects, wanted, say);
  const waiting = await awaitReadiness(objects, { mesh, gatewaySecrets: gateways, objects: wanted }, timeoutMs, say);
  for (const line of waiting) io.printError(`postern install: not ready in time: ${line}`);
  if (waiting.length > 0) return EXIT.failed;
  say(
    `mesh '${mesh.name}' is ready; a namespace joins it by: kubectl label namespace NAME ${MONITORED_LABEL}=${mesh.name}`,
  );
  return EXIT.ok;
}

async function joinContour(
  objects: ApiObjects,
  namespace: string,
  mesh: Mesh,
  applied: boolean,
  io: CliIo,
): Promise<number> {
  const change = await contourChange(objects, namespace, mesh);
  const changes = [change.delegation, change.config].filter((object) => object !== undefined);
  const restart = `kubectl -n ${namespace} rollout restart deployment contour`;
  if (applied) await changeContour(objects, namespace, change);
  else io.stdout(asYaml(changes));
  if (changes.length === 0 && !change.restart)
    io.printError(`postern install: Contour in namespace ${namespace} has what it needs`);
  if (change.restart)
    io.printError(`postern install: ${applied ? "Contour restarts, as by" : "afterwards restart it:"} ${restart}`);
  io.printError(
    `postern install: policies name its Envoys as a Service of namespace ${namespace}, which belongs to the mesh by: kubectl label namespace ${namespace} ${MONITORED_LABEL}=${mesh.name}`,
  );
  return EXIT.ok;
}

/** With quotes around what YAML 1.1, which kubectl reads, takes for something else than text. */
function asYaml(objects: readonly Manifest[]): string {
  return objects
    .map((object) => `---\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, version: "1.1" })}`)
    .join("");
}
