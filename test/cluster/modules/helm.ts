/** Helm, built once a version from its Go module. */
import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cached, go, type Environment } from "./go.ts";

export const HELM_VERSION = "4.3.1";

/** The program when it was built before, else `undefined`. */
export function cachedHelm(env: Environment): Promise<string | undefined> {
  const program = join(cached(env, `helm-${HELM_VERSION}`), "helm");
  return access(program).then(
    () => program,
    () => undefined,
  );
}

/** About two minutes the first time. Rejects with the toolchain's own words. */
export async function obtainHelm(env: Environment, report: (line: string) => void): Promise<void> {
  if ((await cachedHelm(env)) !== undefined) return;
  const target = cached(env, `helm-${HELM_VERSION}`);
  const building = `${target}.building-${Date.now()}`;
  report(`building Helm ${HELM_VERSION} (about two minutes the first time) in ${building}`);
  await mkdir(building, { recursive: true });
  try {
    await go(["install", "-ldflags", "-s -w", `helm.sh/helm/v4/cmd/helm@v${HELM_VERSION}`], {
      ...env,
      GOBIN: building,
    });
    await rm(target, { recursive: true, force: true });
    await rename(building, target);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}
