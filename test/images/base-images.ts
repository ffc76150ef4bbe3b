/**
 * What the Dockerfile builds on, of this machine: Debian's packages, and the Node and npm of this checkout. They take the place
 * of the published images by the build arguments that a release uses for its digests.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Buildah } from "./buildah.ts";

const STEP_MS = 600_000;
const SUITE = "bookworm";

export interface BaseImages {
  readonly node: string;
  readonly runtime: string;
}

/** @param npm folder of the npm that runs here @throws when Debian's packages cannot be had */
export function makeBaseImages(buildah: Buildah, directory: string, npm: string): BaseImages {
  const node = join(directory, "node");
  unpack(node, "--variant=minbase");
  cpSync(realpathSync(process.execPath), join(node, "node"));
  cpSync(npm, join(node, "npm"), { recursive: true });
  writeFileSync(
    join(node, "Dockerfile"),
    `FROM scratch
ADD base.tar /
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
ENV npm_config_prefer_offline=true npm_config_audit=false npm_config_fund=false
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
`,
  );
  const runtime = join(directory, "runtime");
  // No shell and no package manager, as in the published one.
  unpack(runtime, "--variant=extract", "--include=libc6,libstdc++6,libgcc-s1");
  writeFileSync(join(runtime, "Dockerfile"), "FROM scratch\nADD base.tar /\n");
  const images = { node: "localhost/node-base", runtime: "localhost/runtime-base" };
  buildah.run(STEP_MS, "build", "--isolation=chroot", `--tag=${images.node}`, node);
  buildah.run(STEP_MS, "build", "--isolation=chroot", `--tag=${images.runtime}`, runtime);
  return images;
}

function unpack(directory: string, ...args: readonly string[]): void {
  mkdirSync(directory, { recursive: true });
  const argv = ["--mode=root", "--quiet", ...args, SUITE, join(directory, "base.tar")];
  const { status, stderr, error } = spawnSync("mmdebstrap", argv, { encoding: "utf8", timeout: STEP_MS });
  if (error !== undefined || status !== 0)
    throw new Error(`mmdebstrap ${argv.join(" ")}: ${error?.message ?? `status ${status}`}\n${stderr}`);
}
