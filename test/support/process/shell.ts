/** What a person has in a terminal: a directory, a kubeconfig, and commands by their names. */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, "../../../src/main.ts");
const LONGEST_MS = 400_000;

export interface ShellOptions {
  /** The program. */
  readonly kubectl: string;
  readonly kubeconfig: string;
  /** Bodies of more commands, in the language of `sh`. */
  readonly commands?: Readonly<Record<string, string>>;
}

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Shell implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "postern-shell-"));
  readonly #kubeconfig: string;

  constructor({ kubectl, kubeconfig, commands = {} }: ShellOptions) {
    this.#kubeconfig = kubeconfig;
    mkdirSync(join(this.directory, "bin"));
    const all = { postern: `exec ${process.execPath} ${MAIN} "$@"`, kubectl: `exec ${kubectl} "$@"`, ...commands };
    for (const [name, text] of Object.entries(all)) {
      const file = join(this.directory, "bin", name);
      writeFileSync(file, `#!/bin/sh\n${text}\n`);
      chmodSync(file, 0o755);
    }
  }

  /** A line in the directory. */
  async say(line: string): Promise<Said> {
    const env = { PATH: `${this.directory}/bin:${process.env["PATH"] ?? ""}`, KUBECONFIG: this.#kubeconfig };
    try {
      const { stdout, stderr } = await run("sh", ["-ec", line], {
        cwd: this.directory,
        env,
        timeout: LONGEST_MS,
        maxBuffer: 16 * 1024 * 1024,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as Partial<Said>;
      if (typeof code !== "number") throw error;
      return { code, stdout: stdout ?? "", stderr: stderr ?? "" };
    }
  }

  /** One that has to succeed. @throws with everything that it said */
  async follow(line: string): Promise<Said> {
    const said = await this.say(line);
    if (said.code !== 0) throw new Error(`${line}\nended with ${said.code}\n${said.stdout}\n${said.stderr}`);
    return said;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
