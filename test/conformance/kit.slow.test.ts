/** The kit as whoever has another implementation runs it: its data, and its runner with both adapters. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const kit = join(import.meta.dirname, "../../conformance");
const POSTERN = [process.execPath, join(kit, "implementations/postern.js")];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...args: readonly string[]): Promise<Outcome> {
  const running = promisify(execFile)(process.execPath, [join(kit, "run.ts"), ...args]);
  return running.then(
    (output) => ({ code: 0, ...output }),
    (error: unknown) => error as Outcome,
  );
}

const lines = ({ stdout }: Outcome): readonly string[] => stdout.match(/^(?:passed|failed|skipped) +\w+/gm) ?? [];

test("an implementation that follows a directory is tried, each mesh name by a process of its own", async () => {
  const outcome = await run("--only=D02,D20,D50a,D51", "--", ...POSTERN);
  assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  assert.deepEqual(lines(outcome), ["passed  D02", "skipped D51", "passed  D20", "passed  D50a"]);
  assert.match(outcome.stdout, /^3 passed, 0 failed, 1 skipped$/m);
});

test("an implementation that follows an API server is tried by its kubeconfig", async () => {
  await using cluster = await StandInCluster.start();
  using directory = temporaryDirectory();
  const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), cluster.credentials());
  const outcome = await run("--only=D02,D12,D71", `--kubeconfig=${kubeconfig}`, "--", ...POSTERN);
  assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  assert.deepEqual(lines(outcome), ["passed  D02", "passed  D12", "skipped D71"]);
});

test("an implementation that lets everybody in fails, and the caller is named", async () => {
  const outcome = await run("--only=D02", "--", process.execPath, join(import.meta.dirname, "open-door.ts"));
  assert.equal(outcome.code, 1);
  assert.match(outcome.stdout, /^failed +D02 [^]*"from":"10\.0\.0\.99"[^]*expected close, got .*"status":200/m);
});

test("a case that is not there, and no command, are usage errors", async () => {
  assert.deepEqual([(await run("--only=X1", "--", "true")).code, (await run()).code], [2, 2]);
});
