import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { runExplain } from "../../src/cli/explain.ts";
import { authorize } from "../../src/policy/authorize.ts";
import type { Decision, Peer, PeerCertificate, San } from "../../src/policy/decision.ts";
import { peerAddress } from "../../src/policy/address/peer-address.ts";
import {
  DECISIONS,
  POD,
  type Caller,
  type Certificate,
  type Connection,
  type DecisionCase,
} from "../../conformance/cases.ts";
import { compileObjects, inProcess, manifestDirectory } from "./world.ts";
import { backendPort } from "../../src/policy/model.ts";

const main = join(import.meta.dirname, "../../src/main.ts");

function isPrincipal(san: string): boolean {
  return san.startsWith("dns:") || san.startsWith("uri:");
}

function typed(san: string): San {
  return { type: san.startsWith("dns:") ? "dns" : "uri", value: san.slice(4) };
}

function presented(certificate: Certificate): PeerCertificate {
  switch (certificate) {
    case "none":
      return { state: "missing" };
    case "foreign":
    case "self-signed":
    case "server-only":
      return { state: "refused", reason: "certificate-untrusted" };
    case "expired":
    case "not-yet-valid":
      return { state: "refused", reason: "certificate-expired" };
    default:
      return { state: "verified", sans: certificate.sans.filter(isPrincipal).map(typed) };
  }
}

function peerOf({ from, tls }: Caller): Peer {
  if (tls === undefined) return { address: peerAddress(from) };
  return {
    address: peerAddress(from),
    tls: { certificate: presented(tls.certificate), ...(tls.sni === undefined ? {} : { sni: tls.sni }) },
  };
}

/** What a caller is for `postern explain`; undefined for a certificate that the command has no words for. */
function flagsOf({ from, tls }: Caller): readonly string[] | undefined {
  if (tls === undefined) return ["--from", from];
  const flags = ["--from", from, "--tls", ...(tls.sni === undefined ? [] : ["--sni", tls.sni])];
  if (tls.certificate === "none") return [...flags, "--no-cert"];
  if (typeof tls.certificate === "string") return undefined;
  return [...flags, ...tls.certificate.sans.filter(isPrincipal).flatMap((san) => ["--san", san])];
}

function explainArguments(row: DecisionCase, directory: string): readonly string[] {
  return [
    "--json",
    `--manifests=${directory}`,
    `--namespace=${POD.namespace}`,
    `--port=${row.port}`,
    ...POD.services.flatMap((name) => ["--service", name]),
    ...(row.world.meshName === undefined ? [] : ["--mesh-name", row.world.meshName]),
  ];
}

interface Answer {
  readonly verdict: string;
  readonly reason?: string;
  readonly source?: string;
  readonly policy?: string;
}

function check(answer: Answer | Decision, expected: Connection["expected"], about: string): void {
  for (const [key, value] of Object.entries(expected)) {
    // A forwarded caller has no reason to be told.
    assert.equal(
      (answer as unknown as Readonly<Record<string, unknown>>)[key],
      value,
      `${about}: ${key} of ${JSON.stringify(answer)}`,
    );
  }
}

for (const row of DECISIONS) {
  test(`${row.id}: ${row.about}`, async () => {
    const { objects, meshName } = row.world;
    const snapshot = compileObjects(objects, meshName);
    using directory = manifestDirectory(objects);
    for (const { expected, ...caller } of row.connections) {
      const about = JSON.stringify(caller);
      check(authorize(snapshot, backendPort(row.port), peerOf(caller)), expected, about);
      const flags = flagsOf(caller);
      if (flags === undefined) continue;
      const { code, stdout, stderr } = await inProcess(runExplain, [
        ...explainArguments(row, directory.path),
        ...flags,
      ]);
      assert.notEqual(stdout, "", stderr);
      check(JSON.parse(stdout) as Answer, expected, `explain ${about}`);
      assert.equal(code, expected.verdict === "forward" ? 0 : 1);
    }
  });
}

test("the real command answers as some of the rows say", { timeout: 60_000 }, async () => {
  const rows = DECISIONS.filter(({ id }) => ["D02", "D15", "D20", "D40", "D50a"].includes(id));
  assert.equal(rows.length, 5);
  await Promise.all(
    rows.map(async (row) => {
      using directory = manifestDirectory(row.world.objects);
      const { expected, ...caller } = row.connections[0] ?? assert.fail();
      const argv = [main, "explain", ...explainArguments(row, directory.path), ...(flagsOf(caller) ?? [])];
      const { code, stdout } = await promisify(execFile)(process.execPath, argv).then(
        (result) => ({ code: 0, stdout: result.stdout }),
        (error: unknown) => error as { code: number; stdout: string },
      );
      check(JSON.parse(stdout) as Answer, expected, row.id);
      assert.equal(code, expected.verdict === "forward" ? 0 : 1, row.id);
    }),
  );
});
