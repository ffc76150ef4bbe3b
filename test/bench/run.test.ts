import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { SUITES } from "../../bench/suites.ts";

const RUN = join(import.meta.dirname, "../../bench/run.ts");

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly error: string;
}

function bench(...args: readonly string[]): Ended {
  // An empty PATH: whatever the bench takes itself to be told, it installs nothing and measures nothing.
  const env = { PATH: "" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, ...args], {
    encoding: "utf8",
    timeout: 30_000,
    env,
  });
  return { status, out: stdout, error: stderr };
}

test("bench --help has a line for each suite", () => {
  const { status, out } = bench("--help");
  assert.equal(status, 0);
  for (const suite of Object.keys(SUITES)) assert.match(out, new RegExp(`^  ${suite} +\\S`, "m"));
});

test("bench install --help says what it would install, and by what, and starts nothing", () => {
  const { status, out, error } = bench("install", "--help");
  assert.equal(status, 0);
  assert.equal(error, "");
  assert.match(out, /^ +by apt-get +nginx-light, haproxy, /m);
  assert.doesNotMatch(out, /^apt-get|^python3/m);
});

for (const [args, said] of [
  [["report", "--from="], "--from has no value"],
  [["report", "--from", ""], "--from has no value"],
  [["report", "--suites=,"], "--suites has no value"],
  [["report", "--against="], "--against has no value"],
  [["load", "--only="], "--only has no value"],
  [["load", "--minutes", " "], "--minutes has no value"],
  [["micro", "--postern="], "--postern has no value"],
  [["revocation", "--connections="], "--connections has no value"],
  [["propagation", "--flips="], "--flips has no value"],
  [["fleet", "--sidecars="], "--sidecars has no value"],
  [["start", "--bundle="], "--bundle has no value"],
  [["handshake", "--only="], "--only has no value"],
  [["install", ""], "the first argument has no value"],
  [["install", "--bogus"], "Unknown option '--bogus'"],
  [["report", "--from"], "Option '--from <value>' argument missing"],
  [["micro", "--postern", "/nonexistent"], "--postern is '/nonexistent'; expected a checkout of Postern"],
  [["soak"], "unknown suite 'soak'; expected one of micro, load"],
] as const) {
  test(`bench ${args.map((arg) => arg || "''").join(" ")} starts nothing and ends with 2`, () => {
    const { status, out, error } = bench(...args);
    assert.equal(status, 2);
    assert.equal(out, "");
    assert.ok(error.startsWith(said), error);
    assert.doesNotMatch(error, /^ +at /m);
  });
}
