import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runPki } from "../../src/cli/pki.ts";
import { sansOf } from "../../src/tls/x509/identity.ts";
import { runCommand } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

test("a CA and a certificate of it, keys for their owner alone, the CA never overwritten", async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const read = (name: string): X509Certificate => new X509Certificate(readFileSync(at(name)));
  assert.equal((await runCommand(runPki, "init", "--dir", directory.path)).code, 0);
  const issue = ["issue", "--dir", directory.path, "--name", "edge"];
  const names = ["--dns", "edge.gw.cluster.local", "--uri", "spiffe://td/edge", "--days", "2"];
  assert.equal((await runCommand(runPki, ...issue, ...names)).code, 0);

  const ca = read("ca.crt");
  const edge = read("edge.crt");
  assert.ok(ca.ca && edge.checkIssued(ca) && edge.verify(ca.publicKey));
  assert.deepEqual(sansOf(edge), [
    { type: "dns", value: "edge.gw.cluster.local" },
    { type: "uri", value: "spiffe://td/edge" },
  ]);
  const days = (Date.parse(edge.validTo) - Date.now()) / 86_400_000;
  assert.ok(days > 1.9 && days < 2.1, `${days} days`);
  for (const key of ["ca.key", "edge.key"]) assert.equal(statSync(at(key)).mode & 0o777, 0o600, key);

  const again = await runCommand(runPki, "init", "--dir", directory.path);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /ca\.(?:crt|key)/);
  assert.equal(read("ca.crt").fingerprint256, ca.fingerprint256);
});

test("mistakes are named", async () => {
  using directory = temporaryDirectory();
  assert.match((await runCommand(runPki)).stderr, /init or issue/);
  const rows = [
    [["issue", "--dir", directory.path, "--name", "x", "--dns", "a"], 1, /ca\.(?:crt|key)/],
    [["issue", "--dir", directory.path, "--name", "../x", "--dns", "a"], 1, /--name .*'\.\.\/x'/],
    [["issue", "--dir", directory.path, "--name", "x", "--days", "never"], 2, /--days/],
    [["init"], 2, /--dir/],
  ] as const;
  for (const [argv, code, expected] of rows) {
    const result = await runCommand(runPki, ...argv);
    assert.match(result.stderr, expected, argv.join(" "));
    assert.equal(result.code, code, `${argv.join(" ")}: ${result.stderr}`);
  }
  writeFileSync(join(directory.path, "ca.crt"), "nonsense");
  writeFileSync(join(directory.path, "ca.key"), "nonsense");
  assert.equal((await runCommand(runPki, "issue", "--dir", directory.path, "--name", "x", "--dns", "a")).code, 1);
});

test("a directory that cannot be made ends the command, and those above it are made where they can be", async () => {
  using directory = temporaryDirectory();
  for (const path of ["/proc/postern-trial", "/proc/postern-trial/deeper", "/dev/null/x"]) {
    const { code, stderr } = await runCommand(runPki, "init", "--dir", path);
    assert.equal(code, 1, path);
    assert.match(stderr, /^postern pki init: .*(?:proc|null)/, path);
  }
  assert.equal((await runCommand(runPki, "init", "--dir", join(directory.path, "a/b/c"))).code, 0);
});
