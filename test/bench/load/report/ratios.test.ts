import assert from "node:assert/strict";
import { test } from "node:test";
import { addedP99Ratio, bodyRatio, cpuRatio } from "../../../../bench/load/report/ratios.ts";
import { body, load, row } from "./rows.ts";

test("cpuRatio() is the contender's CPU over the rival's", () => {
  const rows = [row("postern", { steady: load(39) }), row("nginx", { steady: load(26) })];
  assert.equal(cpuRatio(rows, "postern", "nginx", "steady"), 1.5);
});

test("a ratio without one of its figures names it and says why", () => {
  const failed = { contender: "envoy", family: "envoy", note: "", result: { unmeasured: "envoy is not installed" } };
  const rows = [row("postern", { steady: load(39) }), failed];
  assert.deepEqual(cpuRatio(rows, "postern", "envoy", "steady"), { unmeasured: "envoy: envoy is not installed" });
  assert.deepEqual(cpuRatio(rows, "postern", "nginx", "steady"), { unmeasured: "nginx was not in this run" });
  assert.deepEqual(cpuRatio(rows, "postern", "envoy", "http2"), { unmeasured: "postern: not in this test" });
});

test("bodyRatio() never says more than the CPU allows where the generator set the speed", () => {
  const rows = [row("postern", { bodyDown: body(900, 1_000) }), row("nginx", { bodyDown: body(1_000, 600) })];
  assert.equal(bodyRatio(rows, "postern", "nginx", "bodyDown"), 0.6);
});

test("bodyRatio() never says more than the clock where the proxy waits", () => {
  const rows = [row("postern", { bodyUp: body(400, 500) }), row("nginx", { bodyUp: body(1_000, 600) })];
  assert.equal(bodyRatio(rows, "postern", "nginx", "bodyUp"), 0.4);
});

const at = (p99: number) => load(50, { latency: { p50: 0.1, p99 } });

test("addedP99Ratio() compares what is above the application's own", () => {
  const rows = [row("postern", { fixedRate: at(2) }), row("nginx", { fixedRate: at(1.5) })];
  assert.equal(addedP99Ratio(rows, at(1), "postern", "nginx"), 2);
});

test("addedP99Ratio() is no number when the rival adds nothing or the application was not measured", () => {
  const rows = [row("postern", { fixedRate: at(2) }), row("nginx", { fixedRate: at(1) })];
  assert.deepEqual(addedP99Ratio(rows, at(1), "postern", "nginx"), {
    unmeasured: "nginx adds 0.00 ms, within the noise of 15 %",
  });
  assert.deepEqual(addedP99Ratio(rows, at(1.9), "postern", "postern"), {
    unmeasured: "postern adds 0.10 ms, within the noise of 15 %",
  });
  const none = addedP99Ratio(rows, { unmeasured: "oha is not installed" }, "postern", "nginx");
  assert.match(JSON.stringify(none), /the application alone: oha is not installed/);
});
