import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { initAuthority, issueInto } from "../../src/pki/directory.ts";
import { readTextFile } from "../../src/files/read-text.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const KMSG = "/proc/kmsg";
/** Whoever may not open it is refused before there is anything to wait for. */
const WITHOUT_KMSG = existsSync(KMSG) ? false : "this kernel shows no log";

test("a file is read to its end, and no further than the limit", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "text");
  writeFileSync(path, "é".repeat(100_000));
  assert.equal(await readTextFile(path), "é".repeat(100_000));
  await assert.rejects(readTextFile(path, { most: 1_000 }), /it has 200000 bytes, and 1000 are the most/);
  assert.match(await readTextFile("/proc/self/status"), /^Name:/, "a file that says it has no bytes");
  await assert.rejects(readTextFile("/proc/self/status", { most: 10 }), /it has more than 10 bytes/);
});

test("a pipe of the shell is read until its writer closes it, and given up when it is silent", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "pipe");
  execFileSync("mkfifo", [path]);
  const fd = openSync(path, "r+");
  try {
    const silent = readTextFile(`/dev/fd/${fd}`, { silenceMs: 100 });
    await assert.rejects(silent, /its writer has written nothing for 0.1 s, and has not closed it/);
  } finally {
    closeSync(fd);
  }
  await assert.rejects(readTextFile(path), /it is no file but a device, pipe or socket/);
});

const commands: readonly (readonly [string, readonly string[]])[] = [
  ["validate", ["validate", KMSG]],
  ["explain", ["explain", `--manifests=${KMSG}`, "--service=a", "--port=80", "--from=10.0.0.1"]],
  ["explain --kubeconfig", ["explain", `--kubeconfig=${KMSG}`, "--service=a", "--port=80", "--from=10.0.0.1"]],
  ["explain --replay", ["explain", `--replay=${KMSG}`, "--manifests=/proc/self", "--service=a"]],
  ["pki init", ["pki", "init", `--dir=${KMSG}`]],
  ["pki issue", ["pki", "issue", `--dir=${KMSG}`, "--name=a", "--dns=a"]],
  ["inject", ["inject", "-f", KMSG]],
  ["redirect", ["redirect", `--manifest=${KMSG}`]],
  ["run", ["run", `--config=${KMSG}`]],
];

for (const [name, argv] of commands)
  test(`postern ${name} ends by itself where it is given a log of the kernel`, { skip: WITHOUT_KMSG }, async () => {
    const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    // Below the limit of a test: a busy machine takes a minute for the start alone.
    const late = setTimeout(() => child.kill("SIGKILL"), 100_000);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (said += text.toString()));
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    clearTimeout(late);
    assert.equal(signal, null, `it was still waiting: ${said}`);
    assert.ok(code === 1 || code === 2, `${code}: ${said}`);
    assert.doesNotMatch(said, /\n\s+at /, "no stack trace");
  });

test("postern validate ends by itself on a standard input without an end", async () => {
  const zero = openSync("/dev/zero", "r");
  const child = spawn(process.execPath, [MAIN, "validate", "-"], { stdio: [zero, "pipe", "inherit"] });
  closeSync(zero);
  let said = "";
  child.stdout!.on("data", (text: Buffer) => (said += text.toString()));
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 1);
  assert.match(said, /cannot be read: it has more than \d+ bytes/);
});

test("a pipe in the place of a file that is to be written, or of the CA, holds nobody up", async () => {
  using directory = temporaryDirectory();
  execFileSync("mkfifo", [join(directory.path, "ca.key.new")]);
  await initAuthority(directory.path);
  execFileSync("mkfifo", [join(directory.path, "a.key.new")]);
  await issueInto(directory.path, "a", { dnsNames: ["a"], uris: [] });
  using other = temporaryDirectory();
  for (const name of ["ca.crt", "ca.key"]) execFileSync("mkfifo", [join(other.path, name)]);
  await assert.rejects(issueInto(other.path, "a", { dnsNames: ["a"], uris: [] }), /it is no file but a device, pipe/);
});
