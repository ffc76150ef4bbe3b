import assert from "node:assert/strict";
import { test } from "node:test";
import {
  figuresOf,
  figureTable,
  goalsOf,
  goalTable,
  type Figure,
  type Slice,
} from "../../../bench/handshake/figures.ts";
import type { CpuMeasurement, Measurement } from "../../../bench/handshake/measurement.ts";

const slice = (contender: string, measurement: CpuMeasurement, costUs: number, afterHandshake = 0): Slice => ({
  contender,
  measurement,
  connections: 10,
  cpuUs: 10 * costUs,
  afterHandshake,
});

const figure = (contender: string, measurement: Measurement, value: number): Figure => ({
  contender,
  measurement,
  value,
  lowest: value,
  highest: value,
  connections: 1,
});

test("figuresOf() takes the middle round, whatever the others were disturbed by, and keeps their spread", () => {
  const [one, ...others] = figuresOf([
    slice("nginx", "full-1.2", 1_000),
    slice("nginx", "full-1.2", 9_000),
    slice("nginx", "full-1.2", 1_100),
  ]);
  assert.deepEqual(others, []);
  assert.deepEqual([one?.value, one?.lowest, one?.highest, one?.connections], [1_100, 1_000, 9_000, 30]);
});

test("figureTable() marks who refuses an address only after a whole handshake, and leaves out what was not measured", () => {
  const figures = figuresOf([slice("haproxy", "refused", 70), slice("nginx", "refused", 900, 10)]);
  const [, haproxy, nginx] = figureTable(figures, ["haproxy", "nginx"]);
  assert.deepEqual(haproxy, ["haproxy", "-", "-", "-", "-", "70 (70-70)", "-"]);
  assert.equal(nginx?.[5], "900* (900-900)");
});

test("goalsOf() compares with HAProxy and with Postern's own full handshake, by the build that is judged", () => {
  const figures = [
    figure("haproxy", "full-1.2", 1_000),
    figure("postern@b", "full-1.2", 1_300),
    figure("postern@b", "full-1.3", 2_000),
    figure("postern-resuming@b", "resumed-1.2", 520),
    figure("postern@b", "refused", 100),
    figure("postern@b", "idle", 45),
    figure("postern@a", "idle", 1),
  ];
  const verdicts = goalTable(goalsOf(figures, "@b")).slice(1);
  assert.deepEqual(
    verdicts.map(([what, , measured, verdict]) => [what, measured, verdict]),
    [
      ["full handshake, TLS 1.2", "1.30 x haproxy", "NOT MET"],
      ["full handshake, TLS 1.3", "-", "not measured"],
      ["resumed session, TLS 1.2", "0.40 x full", "met"],
      ["resumed session, TLS 1.3", "-", "not measured"],
      ["refused address", "0.05 x full", "met"],
      ["idle connection", "45.00 KiB", "met"],
    ],
  );
});
