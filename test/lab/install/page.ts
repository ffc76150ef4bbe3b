/** A page of the documentation as a reader follows it: its files, and its commands one by one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Section {
  readonly title: string;
  readonly commands: readonly string[];
}

export class Page {
  readonly #text: string;

  constructor(file: string) {
    this.#text = readFileSync(file, "utf8");
  }

  /** Writes each YAML block under the name that its first line gives it. */
  writeFiles(directory: string): void {
    for (const [, text = ""] of this.#text.matchAll(/^```yaml\n(.*?)^```$/gms)) {
      const name = /^# ([a-z-]+\.yaml)$/m.exec(text)?.[1];
      if (name === undefined) throw new Error(`a block does not say its file: ${text.slice(0, 80)}`);
      writeFileSync(join(directory, name), text);
    }
  }

  /** The shell lines under each heading. */
  get sections(): readonly Section[] {
    return this.#text.split(/^## /m).map((part) => ({
      title: part.split("\n", 1)[0] ?? "",
      commands: [...part.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, text = ""]) => text.trim().split("\n")),
    }));
  }

  /** @throws when no heading begins so */
  commandsOf(title: string): readonly string[] {
    const section = this.sections.find((one) => one.title.startsWith(title));
    if (section === undefined) throw new Error(`the page has no section '${title}'`);
    return section.commands;
  }
}
