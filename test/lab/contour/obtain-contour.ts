/** Contour, built once by the Go toolchain outside the tree, and the definitions that come with its module. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export const CONTOUR_VERSION = "1.33.8";
const MODULE = "github.com/projectcontour/contour";
const MANIFEST = "contour.yaml";
const GATEWAY_API = "sigs.k8s.io/gateway-api";
const BUILD_TIMEOUT_MS = 600_000;

type Environment = Readonly<Record<string, string | undefined>>;

export interface Contour {
  readonly program: string;
  /** Definitions of HTTPProxy and the like, as Contour ships them. */
  readonly definitions: string;
  /** Directory with the Gateway API's definitions, in the version that Contour names. */
  readonly gatewayDefinitions: string;
}

export function cached(env: Environment, name: string): string {
  return join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postern-test", name);
}

/** What was obtained before, or `undefined`. */
export async function cachedContour(env: Environment): Promise<Contour | undefined> {
  const directory = cached(env, `contour-${CONTOUR_VERSION}`);
  const contour = {
    program: join(directory, "contour"),
    definitions: join(directory, "01-crds.yaml"),
    gatewayDefinitions: join(directory, "gateway-api"),
  };
  try {
    await Promise.all(Object.values(contour).map((path: string) => access(path)));
    return contour;
  } catch {
    return undefined;
  }
}

/** Contour's own published manifest, as `postern install --with-contour` fetches it; `undefined` where it was not obtained. */
export async function cachedManifest(env: Environment): Promise<string | undefined> {
  const file = join(cached(env, `contour-${CONTOUR_VERSION}`), MANIFEST);
  return access(file).then(
    () => file,
    () => undefined,
  );
}

/** About two minutes the first time. Rejects with the toolchain's own words. */
export async function obtainContour(env: Environment, report: (line: string) => void): Promise<void> {
  const target = cached(env, `contour-${CONTOUR_VERSION}`);
  if ((await cachedContour(env)) !== undefined) {
    if ((await cachedManifest(env)) === undefined) await copyManifest(target, env);
    return;
  }
  const building = `${target}.building-${Date.now()}`;
  report(`building Contour ${CONTOUR_VERSION} (about two minutes the first time) in ${building}`);
  await mkdir(building, { recursive: true });
  try {
    const lines = [
      "module postern.test/contour",
      "go 1.26.0",
      `require ${MODULE} v${CONTOUR_VERSION}`,
      `tool ${MODULE}/cmd/contour`,
    ];
    await writeFile(join(building, "go.mod"), `${lines.join("\n\n")}\n`);
    await go(["mod", "tidy"], building, env);
    await go(["build", "-ldflags", "-s -w", "-o", `${building}/`, "tool"], building, env);
    const from = await go(["list", "-m", "-f", "{{.Dir}}", MODULE], building, env);
    await cp(join(from, "examples/contour/01-crds.yaml"), join(building, "01-crds.yaml"));
    await copyManifest(building, env);
    const gatewayApi = await go(["list", "-m", "-f", "{{.Dir}}", GATEWAY_API], building, env);
    await cp(join(gatewayApi, "config/crd/experimental"), join(building, "gateway-api"), { recursive: true });
    await rm(target, { recursive: true, force: true });
    await rename(building, target);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** @param directory holds the go.mod that names the module */
async function copyManifest(directory: string, env: Environment): Promise<void> {
  const from = await go(["list", "-m", "-f", "{{.Dir}}", MODULE], directory, env);
  await cp(join(from, "examples/render/contour.yaml"), join(directory, MANIFEST));
}

async function go(args: readonly string[], cwd: string, env: Environment): Promise<string> {
  const child = spawn("go", args, {
    cwd,
    env: { ...env, CGO_ENABLED: "0", GOWORK: "off" },
    timeout: BUILD_TIMEOUT_MS,
  });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`go ${args.join(" ")} failed (${String(code)}): ${complaint.slice(-2_000)}`);
  return output.trim();
}
