/** One hanging test must never hang `npm test`: what can hang is run with the flags of package.json. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { limitFlags } from "../support/limits/flags.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const root = join(import.meta.dirname, "../..");
const FOREVER = "await new Promise(() => setInterval(() => undefined, 1_000));";
const TEST = 'import { test } from "node:test";';

/** Flags of the script `test`, with another limit for one test where `testMs` says one. */
function npmTestFlags(testMs?: number): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { test: string } };
  const flags = scripts.test.split(" ").filter((word) => word.startsWith("--"));
  assert.ok(flags.some((flag) => flag.startsWith("--test-timeout=")));
  if (testMs === undefined) return flags;
  return flags.map((flag) => (flag.startsWith("--test-timeout=") ? `--test-timeout=${testMs}` : flag));
}

/** Runs the files as `npm test` does; resolves when the runner has ended. */
async function run(flags: readonly string[], files: readonly string[]) {
  const { NODE_TEST_CONTEXT: _ofThisFile, ...env } = process.env;
  const child = spawn(process.execPath, [...flags, ...files], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  const output = Promise.all([text(child.stdout), text(child.stderr)]).then((parts) => parts.join(""));
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { code, signal, output };
}

for (const [whose, flags] of [
  ["npm test", npmTestFlags(500)],
  ["the other runners", [...limitFlags(500), "--test"]],
] as const) {
  test(`${whose}: a test that hangs, one that blocks its event loop and a file that never loads fail by their limits`, async () => {
    await failsByLimits(flags);
  });
}

async function failsByLimits(flags: readonly string[]): Promise<void> {
  using directory = temporaryDirectory();
  const files = {
    hangs: `${TEST} test("hangs", async () => { ${FOREVER} });`,
    blocks: `${TEST} test("blocks", () => { for (;;); });`,
    loads: FOREVER,
  };
  const paths = Object.entries(files).map(([name, source]) => {
    const path = join(directory.path, `${name}.test.mjs`);
    writeFileSync(path, source);
    return path;
  });
  const { code, output } = await run(flags, paths);
  const said = await output;
  assert.equal(code, 1, said);
  assert.match(said, /✖ hangs[^]*test timed out after 500ms/);
  assert.match(said, /blocks\.test\.mjs did not end within 2 s and is killed/);
  assert.match(said, /loads\.test\.mjs did not end within 2 s and is killed/);
}

test("a file whose tests are over ends although its handles are open", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "open.test.mjs");
  writeFileSync(path, `${TEST} setInterval(() => undefined, 1_000); test("passes", () => undefined);`);
  const { code, output } = await run(npmTestFlags(), [path]);
  assert.equal(code, 0, await output);
});

test("a run whose output an orphan of a test holds open is ended by the limit of the run", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "orphan.test.mjs");
  const pidFile = join(directory.path, "pid");
  writeFileSync(
    path,
    `${TEST} import { spawn } from "node:child_process"; import { writeFileSync } from "node:fs";
     test("leaves", () => {
       const orphan = spawn(process.execPath, ["-e", "setTimeout(() => undefined, 120_000)"], { stdio: "inherit" });
       writeFileSync(${JSON.stringify(pidFile)}, String(orphan.pid));
     });`,
  );
  try {
    const { signal } = await run(npmTestFlags(500), [path]);
    assert.equal(signal, "SIGKILL");
  } finally {
    if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, "utf8")));
  }
});
