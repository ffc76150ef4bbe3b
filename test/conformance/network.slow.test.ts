/**
 * The decision cases on the wire: a real sidecar, real certificates, a caller on each case's address. One process serves all
 * cases; each is an edit of its manifests.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Callers, isOnLoopback, loopback } from "../../conformance/callers.ts";
import { DECISIONS, POD, type Connection, type DecisionCase } from "../../conformance/cases.ts";
import { APPLICATION_BODY, playCase } from "../../conformance/play-case.ts";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";

let callers: Callers;
let application: TestApplication;
let sidecar: TestSidecar;

before(async () => {
  callers = await Callers.create();
  application = await startApplication((_request, response) => response.end(APPLICATION_BODY));
  sidecar = await start();
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

async function start(...flags: readonly string[]): Promise<TestSidecar> {
  const own = await callers.mesh.issue({ sans: ["dns:foo.test.cluster.local"] });
  return startSidecar({
    ...POD,
    manifests: [],
    backends: [...new Set(DECISIONS.map(({ port }) => port))].map((port) => ({ port, app: application.port })),
    tls: { ...own, caPem: callers.mesh.certPem },
    // Every refusal of a table has a line to be read.
    flags: ["--handshake-timeout=2s", "--refusal-logs-per-second=10000", ...flags],
  });
}

/** Each refusal of the case has its line in the log, with the case's reason. */
async function play(row: DecisionCase, tried: TestSidecar): Promise<void> {
  const subject = { application, port: (port: number) => tried.port(port), apply: tried.apply.bind(tried) };
  let from = tried.log.lines.length;
  const differing = await playCase(row, subject, callers, async ({ expected, ...caller }: Connection) => {
    if (expected.verdict === "forward") return;
    await tried.log.next({ reason: expected.reason, address: loopback(caller.from) }, { from });
    from = tried.log.lines.length;
  });
  assert.deepEqual(differing, []);
}

/** Cases that the loopback of this machine can play. */
const rows = DECISIONS.filter(({ connections }) => connections.some(isOnLoopback));

// A mesh name is a flag of the process.
for (const row of rows.filter(({ world }) => world.meshName === undefined))
  test(`${row.id} on the wire: ${row.about}`, () => play(row, sidecar));

test("cases with a mesh name are played by a sidecar that has it", { timeout: 60_000 }, async () => {
  const named = rows.filter(({ world }) => world.meshName !== undefined);
  assert.deepEqual([...new Set(named.map(({ world }) => world.meshName))], ["osm"]);
  await using watching = await start("--mesh-name=osm");
  for (const row of named) await play(row, watching);
});
