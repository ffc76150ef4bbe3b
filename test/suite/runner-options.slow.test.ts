/** What the runners of tests and the benches say to `--help` and to arguments that they do not understand. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { SUITES } from "../../bench/suites.ts";

const root = join(import.meta.dirname, "../..");

/** Each with arguments that it does not take. */
const RUNNERS: readonly (readonly [script: string, wrong: readonly string[], says: RegExp])[] = [
  ["test/soak/run.ts", ["--minutes", "x"], /^--minutes is 'x'; expected a number above 0, up to 4320\n/],
  ["test/soak/run.ts", ["--minutes", "1", "--hours", "1"], /^--minutes and --hours exclude each other\n/],
  ["test/soak/run.ts", ["--server", "y"], /^--server is 'y'; expected one of stand-in, real\n/],
  ["test/soak/rotation.ts", ["--from", "nowhere"], /^--from is 'nowhere'; expected one of files, workload-api\n/],
  ["test/cluster/run.ts", ["test/cluster/none.cluster.ts"], /^there is no file test\/cluster\/none\.cluster\.ts\n/],
  ["test/lab/run.ts", ["test", "test/lab/none.lab.ts"], /^there is no file test\/lab\/none\.lab\.ts\n/],
  ["test/browser/run.ts", ["asleep"], /^a state is 'asleep'; expected one of serving, /],
  ["test/images/run.ts", ["all"], /^Unexpected argument 'all'/],
  ["test/posture/run.ts", ["all"], /^Unexpected argument 'all'/],
  ["test/observability/run.ts", ["all"], /^Unexpected argument 'all'/],
  ["bench/run.ts", ["speed"], /^unknown suite 'speed'; expected one of micro, /],
  ...Object.values(SUITES).map(
    ({ script }) => [`bench/${script}`, ["--no-such-flag"], /^Unknown option '--no-such-flag'\n/] as const,
  ),
  ["bench/start/start.ts", ["--rounds", "many"], /^--rounds is 'many'; expected a whole number from 1 to 1000\n/],
];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(script: string, args: readonly string[]): Promise<Outcome> {
  const running = promisify(execFile)(process.execPath, [script, ...args], { cwd: root });
  return running.then(
    (output) => ({ code: 0, ...output }),
    (error: unknown) => error as Outcome,
  );
}

for (const script of new Set(RUNNERS.map(([runner]) => runner)))
  test(`${script} --help says how it is called`, async () => {
    const { code, stdout, stderr } = await run(script, script === "test/lab/run.ts" ? ["test", "--help"] : ["--help"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^(?:npm run |Measures )/);
    assert.equal(stderr, "");
  });

for (const [script, wrong, says] of RUNNERS)
  test(`${script} ${wrong.join(" ")} ends with 2 and says why, without a stack`, async () => {
    const { code, stderr } = await run(script, wrong);
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /^ +at /m);
  });
