import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { freePorts } from "./support/process/ports.ts";
import { temporaryDirectory } from "./support/process/temporary-directory.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");

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
