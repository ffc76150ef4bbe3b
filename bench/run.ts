/**
 * `npm run bench -- [micro|load]... [--seconds N] [--rounds N] [--only NAME]...`, or `propagation` or `fleet` with flags of their
 * own (`--help`): measures, prints, asserts nothing about time.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadTable, runLoad } from "./load/load.ts";
import { machineStamp } from "./load/measurement.ts";

const SUITES = ["micro", "load"] as const;
/** Each for itself: they need quiet, minutes, and for the real API server a namespace. */
const KUBERNETES = ["propagation", "fleet"];

const [first = "", ...rest] = process.argv.slice(2);
if (KUBERNETES.includes(first)) {
  const script = join(import.meta.dirname, "kubernetes", `${first}.ts`);
  process.exit(spawnSync(process.execPath, [script, ...rest], { stdio: "inherit" }).status ?? 1);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "400" },
    idle: { type: "string", default: "400" },
    only: { type: "string", multiple: true, default: [] },
  },
});

const unknown = positionals.filter((name) => !(SUITES as readonly string[]).includes(name));
if (unknown.length > 0)
  throw new Error(`unknown suite ${unknown.join(", ")}; expected ${[...SUITES, ...KUBERNETES].join(", ")}`);
const wanted = positionals.length === 0 ? SUITES : SUITES.filter((name) => positionals.includes(name));

function count(name: "seconds" | "rounds" | "connections" | "idle"): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0`);
  return value;
}

const stamp = machineStamp();
console.log(`${stamp.cpu}, ${stamp.cores} cores, Linux ${stamp.kernel}, Node ${stamp.node}, OpenSSL ${stamp.openssl}`);

if (wanted.includes("micro")) {
  // A process of its own: a million endpoints would weigh on what is measured after them.
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, "micro/authorize.ts")], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
if (wanted.includes("load")) {
  const rows = await runLoad({
    rounds: count("rounds"),
    seconds: count("seconds"),
    connections: count("connections"),
    idle: count("idle"),
    only: values.only,
  });
  console.log(loadTable(rows));
  console.log(JSON.stringify({ bench: "load", machine: stamp, rows }));
  if (rows.some(({ figures }) => typeof figures === "string" && !figures.endsWith("not installed")))
    process.exitCode = 1;
}
