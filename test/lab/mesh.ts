/** The mesh's CA and every certificate of the laboratory, made by `postern pki` as a user makes them. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const run = promisify(execFile);

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** The names of the demonstrations. */
export const NAMES = {
  application: "cart.shop.cluster.local",
  contour: "envoy.projectcontour.cluster.local",
  edge: "edge.gateways.cluster.local",
  site: "cart.example",
} as const;

export class Mesh implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "postern-pki-"));

  static async create(): Promise<Mesh> {
    const mesh = new Mesh();
    await mesh.#pki("init");
    return mesh;
  }

  get ca(): string {
    return readFileSync(join(this.directory, "ca.crt"), "utf8");
  }

  async issue(name: string): Promise<Certificate> {
    await this.#pki("issue", `--name=${name}`, `--dns=${name}`);
    const read = (extension: string): string => readFileSync(join(this.directory, `${name}.${extension}`), "utf8");
    return { cert: read("crt"), key: read("key") };
  }

  /** `tls.crt`, `tls.key` and `ca.crt` as a mounted Secret holds them; written again, they take the place of the old ones. */
  async deliver(name: string, directory: string): Promise<void> {
    const { cert, key } = await this.issue(name);
    const files = { "tls.crt": cert, "tls.key": key, "ca.crt": this.ca };
    for (const [file, text] of Object.entries(files))
      writeFileSync(join(directory, `${file}.new`), text, { mode: 0o644 });
    for (const file of Object.keys(files)) renameSync(join(directory, `${file}.new`), join(directory, file));
  }

  async #pki(action: string, ...args: readonly string[]): Promise<void> {
    await run(process.execPath, [MAIN, "pki", action, `--dir=${this.directory}`, ...args]);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A Secret of type kubernetes.io/tls. */
export function tlsSecret(namespace: string, name: string, { cert, key }: Certificate): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name, namespace },
    stringData: { "tls.crt": cert, "tls.key": key },
  };
}
