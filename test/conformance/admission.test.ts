import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { runValidate } from "../../src/cli/validate.ts";
import { demandsOf } from "../../src/policy/compile/demands.ts";
import type { Problem } from "../../src/policy/model.ts";
import { parseIngressBackend } from "../../src/policy/objects/parse.ts";
import { validatePolicy } from "../../src/policy/objects/validate.ts";
import { ADMISSION, isSaid, type AdmissionCase } from "../../conformance/cases.ts";
import { inProcess, manifestDirectory } from "./world.ts";

const main = join(import.meta.dirname, "../../src/main.ts");

/** Every problem found with the row's object: by the schema, then by the rules where the schema holds. */
function judge({ object, beside = [] }: AdmissionCase): readonly Problem[] {
  const { policy, problems } = parseIngressBackend(object);
  const others = beside.map((other) => parseIngressBackend(other).policy).filter((other) => other !== undefined);
  return policy === undefined ? problems : [...problems, ...validatePolicy(policy, others)];
}

function check({ expected }: AdmissionCase, problems: readonly Problem[]): void {
  const found = JSON.stringify(problems, undefined, 1);
  const errors = problems.filter((problem) => problem.severity === "error");
  if (expected.accepted) assert.deepEqual(errors, []);
  else {
    const { at, says } = expected;
    const refused = errors.some(({ path, message }) => isSaid(says, message) && (at === undefined || path === at));
    assert.ok(refused, `expected ${JSON.stringify(says)}, found ${found}`);
  }
  const { warning } = expected;
  if (warning === undefined) return;
  const warned = problems.some(({ severity, message }) => severity === "warning" && isSaid(warning, message));
  assert.ok(warned, `expected a warning like ${JSON.stringify(warning)}, found ${found}`);
}

interface Report {
  readonly problems: readonly (Problem & { readonly object?: string })[];
}

/** What the command reports of the row's own object; of those beside it only the row's own conflicts matter. */
function reported(row: AdmissionCase, stdout: string): readonly Problem[] {
  const { problems } = JSON.parse(stdout) as Report;
  const { namespace = "", name } = row.object.metadata;
  return problems.filter((problem) => problem.object === `IngressBackend ${namespace}/${name}`);
}

/** Why a sidecar would keep backends of what is admitted closed: an error of the command, none of admission. */
function closedBackends({ object, beside = [] }: AdmissionCase): readonly string[] {
  return [object, ...beside].flatMap((one) => {
    const { policy } = parseIngressBackend(one);
    if (policy === undefined) return [];
    const demands = policy.backends.map((backend) => demandsOf(policy, backend));
    return demands.flatMap((demand) => ("reason" in demand ? [demand.detail] : []));
  });
}

for (const row of ADMISSION) {
  const outcome = row.expected.accepted ? "accepted" : "refused";
  test(`${row.id}: ${row.about}: ${outcome}`, async () => {
    check(row, judge(row));
    using directory = manifestDirectory([row.object, ...(row.beside ?? [])]);
    const { code, stdout } = await inProcess(runValidate, [directory.path, "--json"]);
    const closed = row.expected.accepted ? closedBackends(row) : [];
    const admitted = reported(row, stdout).map((problem): Problem =>
      closed.some((detail) => problem.message.startsWith(detail)) ? { ...problem, severity: "warning" } : problem,
    );
    check(row, admitted);
    assert.equal(code, row.expected.accepted && closed.length === 0 ? 0 : 1);
  });
}

test("the real command answers as some of the rows say", { timeout: 60_000 }, async () => {
  const rows = ADMISSION.filter(({ id }) => ["V03", "V05", "V10", "V14", "V22"].includes(id));
  await Promise.all(
    rows.map(async (row) => {
      using directory = manifestDirectory([row.object, ...(row.beside ?? [])]);
      const run = promisify(execFile)(process.execPath, [main, "validate", directory.path, "--json"]);
      const { code, stdout } = await run.then(
        (result) => ({ code: 0, stdout: result.stdout }),
        (error: unknown) => error as { code: number; stdout: string },
      );
      assert.equal(code, row.expected.accepted ? 0 : 1, row.id);
      check(row, reported(row, stdout));
    }),
  );
});
