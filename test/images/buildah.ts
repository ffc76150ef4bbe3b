/** buildah with a store of its own, as it builds and runs images without a daemon and without a registry. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export interface ImageConfig {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
}

export class Buildah {
  readonly #store: readonly string[];

  /** @param directory of the store; nobody else's images are seen or touched */
  constructor(directory: string) {
    const places = [`--root=${join(directory, "store")}`, `--runroot=${join(directory, "run")}`];
    // The other copies every layer whole.
    const hasOverlay =
      spawnSync("buildah", ["--storage-driver=overlay", ...places, "info"], { stdio: "ignore" }).status === 0;
    this.#store = [`--storage-driver=${hasOverlay ? "overlay" : "vfs"}`, ...places];
  }

  /** The arguments of a command line, for whoever runs it by itself. */
  commandLine(...args: readonly string[]): readonly [string, readonly string[]] {
    return ["buildah", [...this.#store, ...args]];
  }

  /** @throws with what buildah says, when it fails or is not over in time */
  run(timeoutMs: number, ...args: readonly string[]): string {
    const [command, argv] = this.commandLine(...args);
    const { status, stdout, stderr, error } = spawnSync(command, argv, {
      encoding: "utf8",
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (error !== undefined || status !== 0)
      throw new Error(`buildah ${args.join(" ")}: ${error?.message ?? `status ${status}`}\n${stdout}\n${stderr}`);
    return stdout.trim();
  }

  config(image: string): ImageConfig {
    const { OCIv1 } = JSON.parse(this.run(60_000, "inspect", "--type=image", image)) as {
      readonly OCIv1: { readonly config: ImageConfig };
    };
    return OCIv1.config;
  }
}
