/** What the runner says to whoever starts it wrongly: a line, and no stack. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { KIT, runKit, startKit } from "./kit-run.ts";

for (const [args, said] of [
  [[], "no COMMAND given; see --help"],
  [["--bogus"], "Unknown option '--bogus'; see --help"],
  [["--settle", "-1", "--", "true"], "Option '--settle' argument is ambiguous; see --help"],
  [["--settle=-1", "--", "true"], "--settle is '-1'; expected a number above 0, up to 3600 seconds"],
  [["--answer=soon", "--", "true"], "--answer is 'soon'; expected a number above 0, up to 3600 seconds"],
  [["--only=D01,X1", "--", "true"], "--only: no such case: X1"],
  [["--", "/nonexistent"], "/nonexistent cannot be started: spawn /nonexistent ENOENT"],
  [
    ["--kubeconfig=/nonexistent", "--", "true"],
    "--kubeconfig: kubeconfig /nonexistent cannot be used: ENOENT: no such file or directory",
  ],
] as const)
  test(`"${args.join(" ")}" is a usage error of one line`, async () => {
    assert.deepEqual(await runKit(...args), { code: 2, stdout: "", stderr: `${said}\n` });
  });

test("--help says what the runner takes", async () => {
  const { code, stdout, stderr } = await runKit("--help");
  assert.deepEqual([code, stderr], [0, ""]);
  for (const option of ["--kubeconfig", "--only", "--settle", "--answer", "--help"])
    assert.match(stdout, new RegExp(`^  ${option} `, "m"));
});

test("a case with a verdict that is none is a usage error, by file, case and field", async () => {
  using directory = temporaryDirectory();
  const root = join(import.meta.dirname, "../..");
  for (const name of ["src", "test", "node_modules", "package.json"])
    symlinkSync(join(root, name), join(directory.path, name));
  const kit = join(directory.path, "conformance");
  cpSync(KIT, kit, { recursive: true });
  const file = join(kit, "cases/decisions.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"verdict":"close"', '"verdict":"maybe"'));
  const { code, stdout, stderr } = await startKit(["--", "true"], {}, kit).outcome;
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^cases\/decisions\.json: D01: connections\[0\]\.expected.*got "maybe".*\n$/);
});
