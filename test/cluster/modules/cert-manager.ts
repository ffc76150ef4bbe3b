/** The definitions of cert-manager's objects, as its Go module brings them. */
import { access, cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { cached, go, type Environment } from "./go.ts";

const CERT_MANAGER_VERSION = "1.21.2";

/** Their directory when they were obtained before, else `undefined`. */
export function cachedCertManager(env: Environment): Promise<string | undefined> {
  const directory = cached(env, `cert-manager-${CERT_MANAGER_VERSION}`);
  return access(directory).then(
    () => directory,
    () => undefined,
  );
}

/** Rejects with the toolchain's own words. */
export async function obtainCertManager(env: Environment): Promise<void> {
  if ((await cachedCertManager(env)) !== undefined) return;
  const module = `github.com/cert-manager/cert-manager@v${CERT_MANAGER_VERSION}`;
  const { Dir } = JSON.parse(await go(["mod", "download", "-json", module], env)) as { readonly Dir: string };
  const target = cached(env, `cert-manager-${CERT_MANAGER_VERSION}`);
  try {
    await cp(join(Dir, "deploy/crds"), target, { recursive: true });
  } catch (error) {
    await rm(target, { recursive: true, force: true });
    throw error;
  }
}
