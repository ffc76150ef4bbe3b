import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { applyPlan, RedirectError } from "../../src/redirect/apply.ts";
import type { RedirectPlan } from "../../src/redirect/plan.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

/** Stands before the machine's programs: each of these writes down what it is given to commit. */
const programs = temporaryDirectory();
const at = (name: string): string => join(programs.path, name);
const PATH = process.env["PATH"];
process.env["PATH"] = `${programs.path}:${PATH}`;
after(() => {
  process.env["PATH"] = PATH;
  programs[Symbol.dispose]();
});

const PLAN: RedirectPlan = { redirects: [{ port: 80, to: 15_080 }], excludedInterfaces: [], excludedSources: [] };
const FORMER = "-A POSTERN_INBOUND -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 15081";

function program(name: string, script: string): void {
  writeFileSync(at(name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** @param refused numbers of the commits, in the order of all, that fail */
function restorers(...refused: readonly number[]): void {
  writeFileSync(at("commits"), "");
  writeFileSync(at("count"), "");
  const commit = `case "$*" in *--test*) cat > /dev/null; exit 0;; esac
echo >> ${at("count")}
number=$(wc -l < ${at("count")})
case " ${refused.join(" ")} " in *" $((number)) "*) cat > /dev/null; echo "refused $((number))" >&2; exit 4;; esac
echo "# $(basename "$0")" >> ${at("commits")}
cat >> ${at("commits")}`;
  program("iptables-restore", commit);
  program("ip6tables-restore", commit);
}

function isNotThere(): void {
  for (const name of ["iptables", "ip6tables"]) program(name, "exit 1");
}

function isThere(): void {
  const list = `case "$*" in *-S*) echo "-N POSTERN_INBOUND"; echo "${FORMER}";; esac`;
  for (const name of ["iptables", "ip6tables"]) program(name, list);
}

function commits(): readonly string[] {
  return readFileSync(at("commits"), "utf8").split(/^(?=# )/m);
}

beforeEach(isNotThere);

test("both families are committed, IPv4 first", async () => {
  restorers();
  await applyPlan(PLAN, "iptables");
  assert.deepEqual(
    commits().map((text) => text.split("\n")[0]),
    ["# iptables-restore", "# ip6tables-restore"],
  );
});

test("where IPv6 is refused after IPv4 was committed, chain and jump of IPv4 go again", async () => {
  restorers(2);
  await assert.rejects(
    applyPlan(PLAN, "iptables"),
    (error: unknown) => error instanceof RedirectError && /refused 2/.test(error.message),
  );
  const [applied = "", undone] = commits();
  assert.match(applied, /--dport 80 .*\n-A PREROUTING/);
  assert.equal(
    undone,
    [
      "# iptables-restore",
      "*nat",
      "-D PREROUTING -p tcp -j POSTERN_INBOUND",
      "-F POSTERN_INBOUND",
      "-X POSTERN_INBOUND",
      "COMMIT",
      "",
    ].join("\n"),
  );
});

test("where other rules of ours were in force, they are again", async () => {
  restorers(2);
  isThere();
  await assert.rejects(applyPlan(PLAN, "iptables"), RedirectError);
  assert.equal(
    commits()[1],
    ["# iptables-restore", "*nat", ":POSTERN_INBOUND - [0:0]", FORMER, "COMMIT", ""].join("\n"),
  );
});

test("what cannot be taken back is said, with both reasons", async () => {
  restorers(2, 3);
  await assert.rejects(
    applyPlan(PLAN, "iptables"),
    (error: unknown) =>
      error instanceof RedirectError &&
      /refused 2[^]*iptables-restore .*cannot be taken back[^]*refused 3/.test(error.message),
  );
});

test("where IPv4 is refused nothing is committed", async () => {
  restorers(1);
  await assert.rejects(applyPlan(PLAN, "iptables"), /refused 1/);
  assert.deepEqual(commits(), [""]);
});
