import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { COMMANDS, overview, readArguments, unknownCommand, versionLine } from "../../src/cli/commands.ts";
import { runCompletion } from "../../src/cli/completion.ts";
import { VERSION } from "../../src/telemetry/version.ts";
import { runCommand, type CommandResult } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

test("the version is that of package.json", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly version: string };
  assert.equal(VERSION, version);
  assert.equal(versionLine("24.21.0"), `postern ${version} (Node 24.21.0)\n`);
  assert.match(overview(), /--version/);
});

test("a command that is near a known one is suggested, any other is answered with the list", () => {
  assert.match(unknownCommand("valdate"), /unknown command 'valdate', did you mean 'validate'\?/);
  assert.match(unknownCommand("Explain"), /did you mean 'explain'\?/);
  assert.doesNotMatch(unknownCommand("frobnicate"), /did you mean/);
  assert.match(unknownCommand("--frobnicate"), /unknown flag '--frobnicate'; expected one of run, validate/);
  assert.match(unknownCommand("versoin"), /unknown command 'versoin', did you mean 'version'\?/);
  assert.match(unknownCommand("--versoin"), /unknown flag '--versoin', did you mean '--version'\?/);
  assert.match(unknownCommand("a\n"), /^postern: unknown command 'a\\u\{a\}'/);
});

test("help COMMAND is that command's help", async () => {
  assert.deepEqual(readArguments(["help", "pki", "issue"]), ["pki", "issue", "--help"]);
  for (const argv of [[], ["help"], ["help", "--help"], ["explain", "help"]])
    assert.deepEqual(readArguments(argv), argv);
  const main = join(ROOT, "src/main.ts");
  const { stdout } = await run(process.execPath, [main, "help", "explain"]);
  assert.match(stdout, /^Says what one caller would get[^\n]*\n\nUsage:\n {2}postern explain /);
  const unknown = await run(process.execPath, [main, "help", "explian"]).catch((error: unknown) => error);
  assert.match(String(unknown), /unknown command 'explian', did you mean 'explain'\?/);
});

test("every line of usage can be pasted: it begins with postern, or leads into it", async () => {
  for (const [name, { actions = [], load }] of Object.entries(COMMANDS)) {
    const command = await load();
    const words = name === "pki" ? actions.map((action) => [action, "--help"]) : [["--help"]];
    for (const argv of words) {
      const { stdout } = await runCommand(command, ...argv);
      const [, usage = ""] = /\nUsage:\n((?: {2}\S.*\n)+)/.exec(stdout) ?? [];
      assert.notEqual(usage, "", name);
      for (const line of usage.trimEnd().split("\n"))
        assert.match(line, new RegExp(`^ {2}(?:postern ${name}\\b|(?!postern).*\\| postern ${name}\\b)`), line);
    }
  }
});

test("bash completes commands, actions and the flags of each", async () => {
  const { stdout: script } = await runCommand(runCompletion, "bash");
  const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
    const line = words.map((word) => `'${word}'`).join(" ");
    const { stdout } = await run("bash", [
      "-c",
      `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _postern; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ]);
    return stdout.split("\n").filter((word) => word !== "");
  };
  assert.deepEqual(await complete("postern", "va"), ["validate"]);
  assert.deepEqual(await complete("postern", "pki", ""), ["init", "issue"]);
  assert.deepEqual(await complete("postern", "pki", "issue", "--d"), ["--dir", "--dns", "--days"]);
  assert.deepEqual(await complete("postern", "run", "--mesh"), ["--mesh-name"]);
});

test("zsh and fish get a script with every flag too, and another shell a word", async () => {
  for (const shell of ["zsh", "fish"]) {
    const { code, stdout } = await runCommand(runCompletion, shell);
    assert.equal(code, 0);
    for (const flag of ["mesh-name", "allow-empty", "dns"]) assert.ok(stdout.includes(flag), `${shell} ${flag}`);
  }
  const { code, stderr } = await runCommand(runCompletion, "fsh");
  assert.equal(code, 2);
  assert.match(stderr, /unknown shell 'fsh', did you mean '(?:fish|zsh)'\?/);
});

test("the README's commands can be pasted: all before the one that stays do what they are for", async () => {
  using directory = temporaryDirectory();
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const [, block = ""] = /## Use it\n\n```sh\n([^`]+)```/.exec(readme) ?? [];
  const commands = block.replaceAll("\\\n", " ").trim().split("\n");
  const [last = ""] = commands.splice(-1);
  assert.match(last, /postern run /);
  const paste = async (line: string, ...more: readonly string[]): Promise<CommandResult> => {
    const [, , name = "", ...words] = line
      .replaceAll(".postern/trial", directory.path)
      .replaceAll("config/demo", join(ROOT, "config/demo"))
      .split(/\s+/);
    const command = await COMMANDS[name]!.load();
    // The shell takes the quotes away.
    return runCommand(command, ...words.map((word) => word.replaceAll("'", "")), ...more);
  };
  for (const line of commands) assert.equal((await paste(line)).code, 0, line);
  // Nothing is wrong with it but what is added here.
  const { stderr } = await paste(last, "--admin", "nonsense");
  const problems = stderr
    .trim()
    .split("\n")
    .map((text) => (JSON.parse(text) as { readonly problem: string }).problem);
  assert.equal(problems.length, 1, stderr);
  assert.match(problems[0]!, /^--admin has the value 'nonsense'/);
});
