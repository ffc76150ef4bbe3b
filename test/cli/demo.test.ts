import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { tryCall, type CallOutcome } from "../support/caller/caller.ts";
import { freePorts } from "../support/process/ports.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");

test("the demo starts from nothing, prints lines to paste, and serves and refuses what they ask", async () => {
  using directory = temporaryDirectory();
  const [app = 0, http = 0, https = 0, admin = 0] = await freePorts(4);
  const ports = [`--app-port=${app}`, `--http-port=${http}`, `--https-port=${https}`, `--admin-port=${admin}`];
  const child = spawn(process.execPath, [MAIN, "demo", `--dir=${directory.path}`, ...ports], {
    cwd: directory.path,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const printed = new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes("Ctrl-C")) resolve();
    });
  });
  child.stderr.resume();
  const exit = once(child, "exit");
  try {
    await Promise.race([printed, exit]);
    const [, manifests = ""] = /^Postern guards .* The policies are in (.*)\. Try:$/m.exec(output) ?? [];
    assert.ok(existsSync(resolve(directory.path, manifests, "policies.yaml")), output);
    assert.equal([...output.matchAll(/^ {2}curl /gm)].length, 7, output);
    for (const [line] of output.matchAll(/^ {2}curl .*$/gm)) assert.match(line, /'https?:\/\/[^' ]+'$/, line);
    const read = (name: string): string => readFileSync(join(directory.path, name), "utf8");
    const tls = (name?: string) => ({
      ca: read("ca.crt"),
      servername: "httpbin.demo.cluster.local",
      ...(name !== undefined && { pair: { certPem: read(`${name}.crt`), keyPem: read(`${name}.key`) } }),
    });
    const status = (outcome: CallOutcome): number | string => ("status" in outcome ? outcome.status : "closed");
    assert.equal(status(await tryCall({ port: http })), 200);
    assert.equal(status(await tryCall({ port: https, tls: tls("edge") })), 200);
    assert.equal(status(await tryCall({ port: http, from: "127.0.0.2" })), "closed");
    const forbidden = await tryCall({ port: https, tls: tls("intruder") });
    assert.deepEqual("body" in forbidden && [forbidden.status, forbidden.body], [403, "RBAC: access denied"]);
    assert.equal(status(await tryCall({ port: https, tls: tls() })), "closed");
    const why = await fetch(`http://127.0.0.1:${admin}/explain?port=14001&from=127.0.0.2`);
    assert.match(await why.text(), /source-not-listed/);
  } finally {
    child.kill("SIGINT");
  }
  assert.deepEqual(await exit, [0, null]);
});

test("a demo that cannot write its CA says where it wanted to, and the flag for another place", () => {
  using directory = temporaryDirectory();
  writeFileSync(join(directory.path, "file"), "");
  const dir = join(directory.path, "file", "demo");
  const { status, stderr } = spawnSync(process.execPath, [MAIN, "demo", `--dir=${dir}`], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^postern demo: cannot keep the demo CA in .*\/file\/demo: ENOTDIR.*; choose another directory with --dir\n$/,
  );
});
