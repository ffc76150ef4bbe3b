/** `postern check`: a cluster before and after the installation of a mesh. */
import { checkBefore, checkDefinition, checkServer } from "../install/cluster/check-cluster.ts";
import { checkMesh } from "../install/cluster/check-mesh.ts";
import { survey } from "../install/cluster/survey.ts";
import { KUBECONFIG_FLAG, withCluster } from "./cluster-access.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { MESH_FLAGS, readMesh } from "./install-options.ts";
import { EXIT, type CliIo } from "./io.ts";

const TIMEOUT_MS = 60_000;

const CHECK: CommandSpec = {
  name: "check",
  summary: "Looks at a cluster and says what a mesh of that name lacks, before and after it is installed.",
  usage: ["check [--mesh-name osm] [--namespace osm-system]"],
  flags: [...MESH_FLAGS, KUBECONFIG_FLAG],
  notes: `One line each: 'ok', 'note' or 'missing' with what to do. Nothing is changed.
Exit code: 0 nothing is missing, 1 something is, or the cluster cannot be asked, 2 usage.`,
};

export async function runCheck(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems: found, help } = parseFlags(CHECK, argv);
  if (help) {
    io.stdout(helpText(CHECK));
    return EXIT.ok;
  }
  const problems = [...found];
  const { mesh } = readMesh(values, new Map(), problems);
  if (problems.length > 0) {
    io.printError(usageError(CHECK, problems));
    return EXIT.usage;
  }
  const work = { name: "check", kubeconfig: values.get("kubeconfig")?.[0], timeoutMs: TIMEOUT_MS };
  return withCluster(work, io, async (objects) => {
    const there = await survey(objects);
    const installed = there.postern.find((one) => one.mesh === mesh.name && one.namespace === mesh.namespace);
    const findings = [
      ...(await checkServer(objects)),
      ...(installed === undefined
        ? await checkBefore(objects, mesh, there)
        : [...(await checkDefinition(objects)), ...(await checkMesh(objects, mesh, there, installed))]),
    ];
    for (const { state, text } of findings) io.print(`${state.padEnd(8)} ${text}`);
    return findings.some(({ state }) => state === "missing") ? EXIT.failed : EXIT.ok;
  });
}
