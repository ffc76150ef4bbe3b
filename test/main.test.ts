import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { freePorts } from "./support/process/ports.ts";
import { temporaryDirectory } from "./support/process/temporary-directory.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");
const LINKED = join(import.meta.dirname, "../bin/postern.js");

/** Sends SIGTERM to its own process as the sidecar is about to be loaded. */
const SIGNAL_AT_LOAD = `
  import { registerHooks } from "node:module";
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "./run.ts") process.kill(process.pid, "SIGTERM");
      return next(specifier, context);
    },
  });
`;

/** The flag that has Node take itself for another release. */
function asNode(version: string): string {
  const code = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

test("SIGTERM is listened to before a command is loaded: process 1 of a container is deaf to others", async () => {
  using directory = temporaryDirectory();
  const [listen = 0, admin = 0] = await freePorts(2);
  const preload = `data:text/javascript,${encodeURIComponent(SIGNAL_AT_LOAD)}`;
  const flags = [
    `--manifests=${directory.path}`,
    "--namespace=test",
    "--service=foo",
    `--backend=port=80,listen=127.0.0.1:${listen},app=127.0.0.1:9`,
    `--admin=127.0.0.1:${admin}`,
    "--drain-delay=0",
  ];
  const child = spawn(process.execPath, [`--import=${preload}`, MAIN, "run", ...flags], { stdio: "ignore" });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  assert.equal(signal, null);
  // At once where nothing runs yet, else after a drain.
  assert.ok(code === 0 || code === 1, String(code));
});

for (const version of ["20.20.2", "24.20.9"])
  test(`Node ${version} is refused in one line, by the command that npm links as by the sources`, () => {
    const run = (...args: readonly string[]) =>
      spawnSync(process.execPath, [asNode(version), ...args, "--version"], { encoding: "utf8" });
    for (const args of [[MAIN], [LINKED], ["--no-strip-types", LINKED]]) {
      const { status, stdout, stderr } = run(...args);
      assert.equal(status, 2, args.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, /^postern needs Node 24\.21 or newer, this is [\d.]+: install it, [^\n]*\n$/);
      assert.ok(stderr.includes(`this is ${version}`), stderr);
    }
  });

test("run on a line of Node that is not supported warns of what can happen, in a line of the log, and goes on", () => {
  const run = (version: string) =>
    spawnSync(process.execPath, [asNode(version), MAIN, "run", "--no-such-flag"], { encoding: "utf8" });
  const { status, stderr } = run("26.10.0");
  assert.equal(status, 2);
  assert.match(stderr, /^\{"level":"warn",.*"node":"26\.10\.0","message":"this line of Node is not supported, use 24/m);
  assert.match(stderr, /--no-such-flag/);
  assert.doesNotMatch(run("24.99.0").stderr, /not supported/);
});
