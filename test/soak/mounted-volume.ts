/** Credentials as the kubelet writes a volume: a directory of its own for each version, and one rename. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyPair } from "../support/mesh/authority.ts";

const FILES = { "tls-cert": "tls.crt", "tls-key": "tls.key", "tls-ca": "ca.crt" };

export class MountedVolume {
  readonly #path: string;
  #version = 0;

  /** @param path a directory that is made here */
  constructor(path: string, leaf: KeyPair, bundle: string) {
    this.#path = path;
    mkdirSync(path);
    this.write(leaf, bundle);
    for (const file of Object.values(FILES)) symlinkSync(`..data/${file}`, join(path, file));
  }

  /** What names its files to `postern run`. */
  get flags(): readonly string[] {
    return Object.entries(FILES).map(([flag, file]) => `--${flag}=${join(this.#path, file)}`);
  }

  write(leaf: KeyPair, bundle: string): void {
    this.#version += 1;
    const version = `..${this.#version}`;
    mkdirSync(join(this.#path, version));
    const texts = { "tls.crt": leaf.certPem, "tls.key": leaf.keyPem, "ca.crt": bundle };
    for (const [file, text] of Object.entries(texts)) writeFileSync(join(this.#path, version, file), text);
    symlinkSync(version, join(this.#path, "..next"));
    renameSync(join(this.#path, "..next"), join(this.#path, "..data"));
    rmSync(join(this.#path, `..${this.#version - 2}`), { recursive: true, force: true });
  }
}
