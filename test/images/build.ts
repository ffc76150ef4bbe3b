/** Both images, built by the Dockerfile of this checkout as a release builds them. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { BaseImages } from "./base-images.ts";
import type { Buildah } from "./buildah.ts";

const BUILD_MS = 900_000;
const ROOT = join(import.meta.dirname, "../..");

/** Names of the images, by the Dockerfile's targets. */
export const IMAGES = { sidecar: "localhost/postern", redirect: "localhost/postern-redirect" } as const;

export function buildImages(buildah: Buildah, { node, runtime }: BaseImages): void {
  // The packages of the lock file are in npm's cache since `npm ci`: the build fetches them from there.
  const cache = join(homedir(), ".npm");
  for (const [target, image] of Object.entries(IMAGES))
    buildah.run(
      BUILD_MS,
      "build",
      "--isolation=chroot",
      "--network=host",
      "--pull=never",
      "--layers",
      `--volume=${cache}:/root/.npm`,
      `--build-arg=NODE_IMAGE=${node}`,
      `--build-arg=RUNTIME_IMAGE=${runtime}`,
      `--target=${target}`,
      `--tag=${image}`,
      ROOT,
    );
}
