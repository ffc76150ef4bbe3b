/** The data itself, and its reader. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { problemsOf } from "../../conformance/check-schema.ts";
import { DECISIONS } from "../../conformance/cases.ts";
import { readCases } from "../../conformance/read-cases.ts";
import schema from "../../conformance/schema/decisions.schema.json" with { type: "json" };
import type { RefusalReason } from "../../src/policy/decision.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { KIT } from "./kit-run.ts";

type Field = string | number | object;

const CASE = {
  id: "D01",
  about: "a case",
  source: "nowhere",
  world: { objects: [] as readonly object[] },
  port: 80,
  connections: [{ from: "10.0.0.1", expected: { verdict: "close", reason: "no-policy" } }] as readonly object[],
};

/** What the reader says of a file of these cases. */
function complaint(...cases: readonly object[]): string {
  using directory = temporaryDirectory();
  cpSync(join(KIT, "schema"), join(directory.path, "schema"), { recursive: true });
  mkdirSync(join(directory.path, "cases"));
  const data = { pod: { namespace: "test", services: ["foo"] }, cases };
  writeFileSync(join(directory.path, "cases/decisions.json"), JSON.stringify(data));
  try {
    readCases("decisions", directory.path);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

function connected(connection: Readonly<Record<string, Field>>): string {
  return complaint({ ...CASE, connections: [{ ...CASE.connections[0], ...connection }] });
}

test("a case that holds is read", () => {
  assert.equal(complaint(CASE), "");
  assert.equal(connected({ from: "fd00::1", expected: { verdict: "forward" } }), "");
});

test("what is wrong with a case is said by its file, id and place", () => {
  const at = "cases/decisions.json: D01: connections[0]";
  assert.match(
    connected({ expected: { verdict: "maybe", reason: "no-policy" } }),
    /^[^\n]+expected\.verdict: expected/,
  );
  assert.match(
    connected({ expected: { verdict: "close", reason: "mood" } }),
    /expected one of no-listener, .*got "mood"/,
  );
  assert.match(connected({ observed: "maybe" }), /observed: expected one of forward, close, .*, got "maybe"/);
  assert.match(connected({ from: "10.0.0.256" }), /from: expected an IPv4 address, got "10\.0\.0\.256"/);
  assert.match(connected({ from: "fd00:::1" }), /from: expected an IPv6 address, got "fd00:::1"/);
  assert.equal(connected({ form: "10.0.0.1" }), `${at}.form: is not known`);
  assert.equal(
    complaint({ ...CASE, port: 0 }, { ...CASE, id: "D02", connections: [] }),
    "cases/decisions.json: D01: port: expected 1 at least, got 0\n" +
      "cases/decisions.json: D02: connections: expected 1 items at least, got []",
  );
  assert.equal(complaint(CASE, CASE), "cases/decisions.json: D01: id: expected to be of one case alone");
  assert.equal(complaint({ ...CASE, about: undefined }), "cases/decisions.json: D01: about: is missing");
});

test("a keyword that the check does not know is refused and not left unchecked", () => {
  assert.throws(() => problemsOf({ maxLength: 3 } as object, "long"), /maxLength/);
});

test("the schema's reasons are those of the decision", () => {
  const reasons: Readonly<Record<RefusalReason, true>> = {
    "no-listener": true,
    draining: true,
    "no-snapshot": true,
    "stale-snapshot": true,
    "no-policy": true,
    "invalid-policy": true,
    "no-usable-source": true,
    "address-unknown": true,
    "source-without-endpoints": true,
    "source-not-listed": true,
    "endpoint-replaced": true,
    "tls-expected": true,
    "tls-unexpected": true,
    "sni-missing": true,
    "sni-not-listed": true,
    "no-credentials": true,
    "own-certificate-not-yet-valid": true,
    "own-certificate-ended": true,
    "certificate-missing": true,
    "certificate-untrusted": true,
    "certificate-expired": true,
    "certificate-revoked": true,
    "crl-expired": true,
    "crl-missing": true,
    "principal-missing": true,
    "principal-not-listed": true,
  };
  assert.deepEqual(schema.$defs.refused.properties.reason.enum, Object.keys(reasons));
});

test("a connection that OSM treats otherwise is of a case that says why", () => {
  for (const { id, difference, observed, connections } of DECISIONS)
    for (const connection of connections.filter((one) => one.observed !== undefined)) {
      assert.ok(difference !== undefined && observed !== undefined, id);
      assert.notEqual(connection.observed, connection.expected.verdict, id);
    }
});
