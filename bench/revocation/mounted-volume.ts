/** A directory as a kubelet mounts a Secret or ConfigMap: one link is swapped to another generation of all files. */
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class MountedVolume {
  readonly #directory: string;
  readonly #names: readonly string[];
  /** Name of the generation that is shown. */
  #generation = "";
  #version = 0;

  /** Takes the place of the files of these names that lie in the directory. */
  constructor(directory: string, names: readonly string[]) {
    this.#directory = directory;
    this.#names = names;
    this.replace({});
    for (const name of names) this.#link(`..data/${name}`, name);
  }

  /** What is not given is as before. */
  replace(texts: Readonly<Record<string, string>>): void {
    const before = join(this.#directory, this.#generation);
    this.#version += 1;
    this.#generation = `..${this.#version}`;
    const now = join(this.#directory, this.#generation);
    mkdirSync(now);
    for (const name of this.#names) writeFileSync(join(now, name), texts[name] ?? readFileSync(join(before, name)));
    this.#link(this.#generation, "..data");
    if (this.#version > 1) rmSync(before, { recursive: true });
  }

  #link(target: string, name: string): void {
    const draft = join(this.#directory, `${name}_tmp`);
    symlinkSync(target, draft);
    renameSync(draft, join(this.#directory, name));
  }
}
