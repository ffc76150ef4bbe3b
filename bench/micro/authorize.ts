/**
 * What one decision costs: `authorize` with fresh address texts, as a socket gives them, at 100 to 1,000,000 endpoints, for
 * addresses that are listed and addresses that are not. Folding of the text is included. `--postern DIR` is another checkout.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type * as Authorize from "../../src/policy/authorize.ts";
import type * as Compile from "../../src/policy/compile/compile.ts";
import type * as Model from "../../src/policy/model.ts";
import type { Endpoint, World } from "../../src/policy/model.ts";
import type * as PeerAddress from "../../src/policy/address/peer-address.ts";
import { readArguments } from "../../test/support/command-line.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { machineStamp } from "../machine/stamp.ts";

const SIZES = [100, 1_000, 10_000, 100_000, 1_000_000];
/** Addresses are made just before they are judged, as a socket makes them, a batch at a time, outside the clock. */
const BATCH = 500;
const BATCHES = 400;
const ROUNDS = 7;

/** A permutation of 32 bits, so that addresses are spread and never repeat. */
function spread(index: number): number {
  return (Math.imul(index, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
}

function dotted(word: number, mapped: boolean): string {
  const text = `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  return mapped ? `::ffff:${text}` : text;
}

function worldOf(endpoints: readonly Endpoint[]): World {
  return {
    policies: [
      {
        name: "bench",
        namespace: "shop",
        backends: [{ name: "cart", port: { number: 80, protocol: "http" } }],
        sources: [{ kind: "Service", namespace: "gateways", name: "edge" }],
        hasMatches: false,
      },
    ],
    invalidPolicies: [],
    services: new Map(),
    endpoints: new Map([["gateways/edge", { endpoints }]]),
    namespaces: new Map(),
  };
}

/** Flat copies: a text built by concatenation would be flattened inside the measurement. */
function texts(offset: number, batch: number, size: number, mapped: boolean): readonly string[] {
  return Array.from({ length: BATCH }, (_, index) => {
    const member = ((batch * BATCH + index) * 7919) % size;
    return Buffer.from(dotted(spread(offset + member), mapped), "latin1").toString("latin1");
  });
}

const HELP = `npm run bench -- micro [flags]

What one decision costs at 100 to 1,000,000 endpoints.

  --postern DIR   another checkout of Postern (this one)
  --help          show this text
`;

/** @throws when a flag is unknown or the folder is no checkout */
function readCheckout(args: readonly string[]): string {
  const { values } = parseArgs({ args: [...args], options: { postern: { type: "string" } } });
  const folder = resolve(values.postern ?? join(import.meta.dirname, "../.."));
  if (existsSync(join(folder, "src/policy"))) return folder;
  throw new Error(`--postern is '${values.postern}'; expected a checkout of Postern`);
}

const checkout = readArguments(HELP, readCheckout);
const policy = join(checkout, "src/policy");
/** A module of the checkout that is measured, in whichever folder of the policy it has there. */
async function load(file: string): Promise<unknown> {
  const path = readdirSync(policy, { recursive: true, encoding: "utf8" }).find((path) => basename(path) === file);
  if (path === undefined) throw new Error(`no ${file} below ${policy}; expected a checkout of Postern`);
  return await import(join(policy, path));
}
const { authorize } = (await load("authorize.ts")) as typeof Authorize;
const { compile } = (await load("compile.ts")) as typeof Compile;
const { backendPort } = (await load("model.ts")) as typeof Model;
const { peerAddress } = (await load("peer-address.ts")) as typeof PeerAddress;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

interface Figure {
  readonly endpoints: number;
  readonly addresses: "listed" | "unlisted" | "listed, IPv4-mapped";
  readonly nanoseconds: number;
}

function measure(size: number): readonly Figure[] {
  const endpoints = Array.from({ length: size }, (_, index): Endpoint => ({ address: dotted(spread(index), false) }));
  const snapshot = structuredClone(compile(worldOf(endpoints), { namespace: "shop", services: ["cart"] }, 1));
  const cases = [
    { addresses: "listed", offset: 0, mapped: false, verdict: "forward" },
    { addresses: "unlisted", offset: size, mapped: false, verdict: "close" },
    { addresses: "listed, IPv4-mapped", offset: 0, mapped: true, verdict: "forward" },
  ] as const;
  return cases.map(({ addresses, offset, mapped, verdict }) => {
    const rounds = Array.from({ length: ROUNDS }, () => {
      let elapsed = 0n;
      for (let batch = 0; batch < BATCHES; batch += 1) {
        const peers = texts(offset, batch, size, mapped);
        let right = 0;
        const start = process.hrtime.bigint();
        for (const address of peers)
          if (authorize(snapshot, backendPort(80), { address: peerAddress(address) }).verdict === verdict) right += 1;
        elapsed += process.hrtime.bigint() - start;
        if (right !== BATCH) throw new Error(`${BATCH - right} wrong verdicts for ${addresses} at ${size} endpoints`);
      }
      return Number(elapsed) / (BATCH * BATCHES);
    });
    return { endpoints: size, addresses, nanoseconds: Math.round(median(rounds) * 10) / 10 };
  });
}

const figures = SIZES.flatMap(measure);
console.log("endpoints   addresses              ns/decision");
for (const { endpoints, addresses, nanoseconds } of figures) {
  console.log(`${String(endpoints).padStart(9)}   ${addresses.padEnd(20)}   ${nanoseconds.toFixed(1).padStart(11)}`);
}
const at = (endpoints: number): number =>
  figures.find((figure) => figure.endpoints === endpoints && figure.addresses === "listed")?.nanoseconds ?? Number.NaN;
console.log(`1,000,000 endpoints cost ${(at(1_000_000) / at(10_000)).toFixed(2)}x of 10,000`);
const machine = machineStamp();
const file = writeResult(resultName("micro", machine), { bench: "micro", machine, checkout, figures });
console.log(`written to ${file}`);
