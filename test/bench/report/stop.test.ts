import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import { existsSync, readdirSync, watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";

const ROOT = join(import.meta.dirname, "../../..");
const IN_REPOSITORY = existsSync(join(ROOT, ".git"));

/** What it writes reaches this process, and so does the end of the last of its descendants: they hold the same pipe. */
function start(temporary: string, command: string, ...args: readonly string[]): ChildProcess {
  return spawn(command, args, {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, TMPDIR: temporary, BENCH_RESULTS: join(temporary, "results") },
  });
}

/** npm has files of its own there. */
async function hasFolder(watcher: FSWatcher, prefix: string): Promise<void> {
  for await (const [, name] of on(watcher, "change") as AsyncIterable<[string, string]>)
    if (name.startsWith(prefix)) return;
}

function hasWritten({ stderr }: ChildProcess, expected: string): Promise<void> {
  let text = "";
  return new Promise((resolve, reject) => {
    stderr?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(expected)) resolve();
    });
    stderr?.once("end", () => reject(new Error(`it has ended without '${expected}': ${text}`)));
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(
    `${signal} to the npm that started a report, while the baseline is made, leaves no process, worktree or folder of it`,
    { skip: !IN_REPOSITORY },
    async () => {
      using temporary = temporaryDirectory();
      const watcher = watch(temporary.path);
      const flags = ["--against", "HEAD", "--suites", "micro", "--quick"];
      const child = start(temporary.path, "npm", "run", "bench", "--", "report", ...flags);
      child.stderr?.resume();
      const closed = once(child, "close");
      await hasFolder(watcher, "postern-report-");
      watcher.close();
      child.kill(signal);
      await closed;
      assert.deepEqual(
        readdirSync(temporary.path).filter((name) => name.startsWith("postern-report-")),
        [],
      );
      const worktrees = execFileSync("git", ["worktree", "list", "--porcelain"], { cwd: ROOT, encoding: "utf8" });
      assert.ok(!worktrees.includes(temporary.path), worktrees);
    },
  );

  test(`${signal} to a report ends the suite that it has started, and the report by the code of the signal`, async () => {
    using temporary = temporaryDirectory();
    const child = start(temporary.path, process.execPath, join(ROOT, "bench/run.ts"), "report", "--suites", "micro");
    const closed = once(child, "close");
    await hasWritten(child, "npm run bench -- micro");
    child.kill(signal);
    assert.deepEqual(await closed, [signal === "SIGINT" ? 130 : 143, null]);
    const results = readdirSync(join(temporary.path, "results"));
    assert.deepEqual(
      results.filter((name) => name.endsWith(".json")),
      [],
    );
  });
}
