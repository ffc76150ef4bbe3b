import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "../../../bench/report/options.ts";
import { planOf } from "../../../bench/report/plan.ts";

const SIDES = { commit: "abc1234", own: "/t/current", other: "/t/abc1234", bundles: ["/t/b", "/t/b-abc1234"] } as const;

test("planOf() starts each suite once, in the order of the report", () => {
  const steps = planOf(parseOptions([]));
  assert.deepEqual(
    steps.map(({ suite }) => suite),
    ["load", "micro", "start", "handshake", "revocation", "propagation"],
  );
  assert.ok(steps.every(({ args }) => !args.includes("--quick")));
});

test("planOf() has a baseline measured by the same suites, and shows no folder of this machine", () => {
  const steps = planOf(parseOptions(["--suites", "load,micro,start,revocation"]), SIDES);
  const of = (wanted: string) => steps.filter(({ suite }) => suite === wanted).map(({ args }) => args.join(" "));
  assert.match(of("load")[0] ?? "", /--postern \/t\/current,\/t\/abc1234$/);
  assert.deepEqual(of("micro"), ["", "--postern /t/abc1234"]);
  const micro = steps.filter(({ suite }) => suite === "micro");
  assert.deepEqual(
    micro.map((step) => step.of),
    ["this checkout", "abc1234"],
  );
  assert.match(of("start")[0] ?? "", /--bundle \/t\/b,\/t\/b-abc1234$/);
  assert.equal(of("revocation").length, 1);
  assert.ok(steps.every(({ shown }) => shown.startsWith("npm run bench -- ") && !shown.includes("/t/")));
});
