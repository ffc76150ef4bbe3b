/**
 * Builds the real control plane with the Go toolchain, outside the tree: kube-apiserver, kube-controller-manager, kubectl
 * and etcd (whose binary is called `server`). The module file is written by this program, so the repository holds no Go.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export const KUBERNETES_VERSION = "1.37.2";
export const ETCD_VERSION = "3.7.0";

const TOOLS = [
  "k8s.io/kubernetes/cmd/kube-apiserver",
  "k8s.io/kubernetes/cmd/kube-controller-manager",
  "k8s.io/kubernetes/cmd/kubectl",
  "go.etcd.io/etcd/server/v3",
] as const;

export interface ControlPlaneBinaries {
  readonly apiServer: string;
  readonly controllerManager: string;
  readonly kubectl: string;
  readonly etcd: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function cacheDirectory(env: Environment): string {
  const base = env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(base, "postern-test", `kubernetes-${KUBERNETES_VERSION}-etcd-${ETCD_VERSION}`);
}

/** The binaries when they were built before, else `undefined`. */
export async function cachedBinaries(env: Environment): Promise<ControlPlaneBinaries | undefined> {
  const binaries = binariesIn(join(cacheDirectory(env), "bin"));
  try {
    await Promise.all(Object.values(binaries).map((file: string) => access(file)));
    return binaries;
  } catch {
    return undefined;
  }
}

/** Builds once per version; about eight minutes on two cores the first time. Rejects with the tool's own words. */
export async function buildControlPlane(
  env: Environment,
  report: (line: string) => void,
): Promise<ControlPlaneBinaries> {
  const cached = await cachedBinaries(env);
  if (cached !== undefined) return cached;
  const target = cacheDirectory(env);
  const building = `${target}.building-${String(Date.now())}`;
  await mkdir(join(building, "bin"), { recursive: true });
  try {
    report(
      `building Kubernetes ${KUBERNETES_VERSION} and etcd ${ETCD_VERSION} (about eight minutes the first time) in ${building}`,
    );
    await writeFile(join(building, "go.mod"), await moduleFile(building, env));
    await go(["mod", "tidy"], building, env);
    await go(["build", "-ldflags", "-s -w", "-o", `${join(building, "bin")}/`, "tool"], building, env);
    await rm(target, { recursive: true, force: true });
    await rename(building, target);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
  return binariesIn(join(target, "bin"));
}

function binariesIn(directory: string): ControlPlaneBinaries {
  return {
    apiServer: join(directory, "kube-apiserver"),
    controllerManager: join(directory, "kube-controller-manager"),
    kubectl: join(directory, "kubectl"),
    etcd: join(directory, "server"),
  };
}

/** `k8s.io/kubernetes` points its staging modules at directories, so whoever uses it must name their published versions. */
async function moduleFile(directory: string, env: Environment): Promise<string> {
  const answer = await go(["mod", "download", "-json", `k8s.io/kubernetes@v${KUBERNETES_VERSION}`], directory, env);
  const { GoMod } = JSON.parse(answer) as { readonly GoMod: string };
  const staged = [...(await readFile(GoMod, "utf8")).matchAll(/^\s*(?:replace\s+)?(k8s\.io\/\S+) => \.\/staging\//gm)];
  const stagingVersion = `v0.${KUBERNETES_VERSION.split(".").slice(1).join(".")}`;
  return [
    "module postern.test/controlplane",
    "go 1.26.0",
    `require (\n\tk8s.io/kubernetes v${KUBERNETES_VERSION}\n\tgo.etcd.io/etcd/server/v3 v${ETCD_VERSION}\n)`,
    `replace (\n${staged.map((match) => `\t${match[1] ?? ""} => ${match[1] ?? ""} ${stagingVersion}`).join("\n")}\n)`,
    `tool (\n${TOOLS.map((tool) => `\t${tool}`).join("\n")}\n)`,
    "",
  ].join("\n\n");
}

async function go(args: readonly string[], directory: string, env: Environment): Promise<string> {
  const child = spawn("go", args, { cwd: directory, env: { ...env, CGO_ENABLED: "0", GOWORK: "off" } });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`go ${args.join(" ")} failed (exit ${String(code)}): ${complaint.slice(-2_000)}`);
  return output;
}

if (import.meta.main) {
  const binaries = await buildControlPlane(process.env, (line) => console.log(line));
  console.log(JSON.stringify(binaries, undefined, 2));
}
