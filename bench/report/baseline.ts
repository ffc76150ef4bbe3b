/** Another commit of this repository, checked out beside it for as long as a report takes. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

export class Baseline implements Disposable {
  readonly #folder: string;
  readonly sides: Sides;

  private constructor(folder: string, sides: Sides) {
    this.#folder = folder;
    this.sides = sides;
  }

  /** @throws when the revision is none, or its tree cannot be bundled */
  static open(revision: string): Baseline {
    const commit = git("rev-parse", "--short", "--verify", "--end-of-options", `${revision}^{commit}`);
    const folder = mkdtempSync(join(tmpdir(), "postern-report-"));
    const other = join(folder, commit);
    // The load bench tells checkouts apart by the last part of their paths.
    const own = join(folder, "current");
    const bundles = [join(folder, "bundle"), join(folder, `bundle-${commit}`)] as const;
    const baseline = new Baseline(folder, { commit, own, other, bundles });
    try {
      git("worktree", "add", "--quiet", "--detach", other, commit);
      symlinkSync(realpathSync(join(ROOT, "node_modules")), join(other, "node_modules"));
      symlinkSync(ROOT, own);
      bundle(ROOT, bundles[0]);
      bundle(other, bundles[1]);
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

function bundle(checkout: string, out: string): void {
  mkdirSync(out);
  execFileSync(process.execPath, [join(checkout, "scripts/bundle.ts"), out], { cwd: checkout, stdio: "pipe" });
}
