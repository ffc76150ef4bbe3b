/** `postern uninstall`: the mesh out of a cluster. */
import { survey } from "../install/cluster/survey.ts";
import { controllersObjects, installedObjects } from "../install/cluster/installed-objects.ts";
import { named } from "../install/cluster/api-objects.ts";
import { unclaimedSecrets } from "../install/cluster/kept-secrets.ts";
import { INSTALLED_LABEL, nameOf } from "../install/names.ts";
import { labelOf } from "../api-server/objects.ts";
import { KUBECONFIG_FLAG, withCluster } from "./cluster-access.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { MESH_FLAGS, readMesh } from "./install-options.ts";
import { EXIT, type CliIo } from "./io.ts";

const TIMEOUT_MS = 120_000;

const UNINSTALL: CommandSpec = {
  name: "uninstall",
  summary: "Takes out what 'postern install' and the controller of a mesh have made. Lists it, or deletes it.",
  usage: ["uninstall [--mesh-name osm] [--namespace osm-system]", "uninstall --apply"],
  flags: [
    ...MESH_FLAGS,
    { name: "apply", help: "delete what is listed" },
    { name: "delete-namespace", help: "the mesh's namespace too, with everything in it" },
    KUBECONFIG_FLAG,
  ],
  notes: `Definitions stay, with every IngressBackend and HTTPProxy: they are yours. Pods keep their sidecars until they are made
anew, and these serve until their certificates end (24h by default). Exit code: 0 done, 1 failed, 2 usage.`,
};

export async function runUninstall(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems: found, help } = parseFlags(UNINSTALL, argv);
  if (help) {
    io.stdout(helpText(UNINSTALL));
    return EXIT.ok;
  }
  const problems = [...found];
  const { mesh } = readMesh(values, new Map(), problems);
  if (problems.length > 0) {
    io.printError(usageError(UNINSTALL, problems));
    return EXIT.usage;
  }
  const work = { name: "uninstall", kubeconfig: values.get("kubeconfig")?.[0], timeoutMs: TIMEOUT_MS };
  return withCluster(work, io, async (objects) => {
    const there = await survey(objects);
    const other = there.postern.find((one) => one.mesh === mesh.name && one.namespace !== mesh.namespace);
    if (other !== undefined) {
      io.printError(
        `postern uninstall: mesh '${mesh.name}' is in namespace ${other.namespace}; use --namespace ${other.namespace}`,
      );
      return EXIT.failed;
    }
    const release = there.postern.find((one) => one.mesh === mesh.name)?.release;
    if (release !== undefined) {
      io.printError(
        `postern uninstall: mesh '${mesh.name}' is the release '${release}' of Helm; after helm uninstall ${release} --namespace ${mesh.namespace} this command finds what the controller has made`,
      );
      return EXIT.failed;
    }
    const installed = await installedObjects(objects, mesh.name);
    // The controller writes what it keeps anew for as long as it runs: its Deployment goes first.
    const all = [...installed, ...(await controllersObjects(objects, mesh, there))];
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: mesh.namespace } };
    if (values.has("delete-namespace")) {
      if (labelOf(await objects.read(namespace), INSTALLED_LABEL) === mesh.name) all.push(namespace);
      else io.printError(`postern uninstall: namespace ${mesh.namespace} stays: 'postern install' did not make it`);
    }
    for (const name of all) {
      if (values.has("apply")) await objects.remove(name);
      io.print(`${values.has("apply") ? "deleted" : "would delete"} ${nameOf(name)}`);
    }
    for (const secret of await unclaimedSecrets(objects, [mesh, ...there.postern]))
      io.printError(
        `postern uninstall: ${nameOf(named(secret))} stays: a controller made it, and it does not say of which mesh it is`,
      );
    if (all.length === 0) io.printError(`postern uninstall: nothing of mesh '${mesh.name}' is in the cluster`);
    return EXIT.ok;
  });
}
