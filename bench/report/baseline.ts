/** Another commit of this repository, checked out beside it for as long as a report takes. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endOf } from "./child-process.ts";
import type { Sides } from "./plan.ts";

const ROOT = join(import.meta.dirname, "../..");

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

/** @returns the checkout's commit, with a "+" where files differ from it; "unknown" outside of a repository */
export function currentCommit(): string {
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}

/** @throws when the revision is none */
export function commitOf(revision: string): string {
  try {
    return git("rev-parse", "--short", "--verify", "--end-of-options", `${revision}^{commit}`);
  } catch {
    throw new Error(`--against is '${revision}'; expected a commit, branch or tag of this repository`);
  }
}

/** Waits without blocking: a signal that arrives meanwhile must be heard. */
async function run(command: string, args: readonly string[], cwd: string, stop: AbortSignal): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const end = await endOf(child, stop);
  stop.throwIfAborted();
  if (end !== 0) throw new Error(`${command} ${args[0] ?? ""} ended with ${end}: ${said.slice(-600)}`);
}

export class Baseline implements Disposable {
  readonly #folder: string;
  readonly sides: Sides;

  private constructor(folder: string, sides: Sides) {
    this.#folder = folder;
    this.sides = sides;
  }

  /**
   * @param stop ends it, leaving nothing behind
   * @throws when it is stopped, or the commit's tree cannot be bundled
   */
  static async open(commit: string, stop: AbortSignal): Promise<Baseline> {
    const folder = mkdtempSync(join(tmpdir(), "postern-report-"));
    const other = join(folder, commit);
    // The load bench tells checkouts apart by the last part of their paths.
    const own = join(folder, "current");
    const bundles = [join(folder, "bundle"), join(folder, `bundle-${commit}`)] as const;
    const baseline = new Baseline(folder, { commit, own, other, bundles });
    try {
      await run("git", ["worktree", "add", "--quiet", "--detach", other, commit], ROOT, stop);
      symlinkSync(realpathSync(join(ROOT, "node_modules")), join(other, "node_modules"));
      symlinkSync(ROOT, own);
      await bundle(ROOT, bundles[0], stop);
      await bundle(other, bundles[1], stop);
      return baseline;
    } catch (error) {
      baseline[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    try {
      git("worktree", "remove", "--force", this.sides.other);
    } catch {
      // It was never added.
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function bundle(checkout: string, out: string, stop: AbortSignal): Promise<void> {
  mkdirSync(out);
  await run(process.execPath, [join(checkout, "scripts/bundle.ts"), out], checkout, stop);
}
