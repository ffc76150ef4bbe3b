import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { call, connect, exchange, readToEnd, tryCall } from "../support/caller/caller.ts";
import { makeCertificate } from "../support/mesh/certificates.ts";
import { backend, http, policy, principal, range, type Manifest } from "../support/mesh/objects.ts";
import { runExplain } from "../../src/cli/explain.ts";
import { runCommand } from "../support/process/command.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const root = makeCertificate({ subject: "root", ca: true });
const own = makeCertificate({ subject: "foo", issuer: root, dns: ["foo.test"] });
const edge = makeCertificate({ subject: "edge", issuer: root, dns: ["edge.mesh"] });
const foreign = makeCertificate({ subject: "foreign", issuer: makeCertificate({ subject: "other", ca: true }) });
const STRANGER = "127.0.0.9";
const mutual81 = backend("foo", 81, "https", { skipClientCertValidation: false });
const listed = policy([http], [range("127.0.0.1/32")]);
let application: TestApplication;
/** Without the flag. */
let enforcing: TestSidecar;

const annotated = (object: Manifest, value: string): Manifest => ({
  ...object,
  metadata: { ...object.metadata, annotations: { "postern.dev/enforcement": value } },
});

before(async () => {
  application = await startApplication();
  enforcing = await startSidecar({ manifests: [listed], backends: [{ app: application.port }] });
});

after(async () => {
  await enforcing?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

test("in audit address and name are forwarded, logged and counted; faults of TLS are refused", async () => {
  await using sidecar = await startSidecar({
    manifests: [
      policy([http], [range("127.0.0.1/32")], "test/plain"),
      policy([mutual81], [range("127.0.0.1/32"), principal("other.mesh")], "test/tls"),
      policy([backend("foo", 82, "http")], [], "test/nobody"),
    ],
    backends: [80, 81, 82].map((port) => ({ port, app: application.port })),
    tls: { ...own, caPem: root.certPem },
    flags: ["--enforcement=audit:1h"],
  });
  const tls = { ca: root.certPem };
  assert.equal((await call({ port: sidecar.port(), from: STRANGER })).status, 200, "by address");
  await sidecar.log.next({ event: "would-refuse", port: 80, address: STRANGER, reason: "source-not-listed" });
  assert.equal((await call({ port: sidecar.port(81), tls: { ...tls, pair: edge } })).status, 200, "by name");
  await sidecar.log.next({ event: "would-refuse", port: 81, reason: "principal-not-listed" });
  for (const [about, outcome] of [
    ["no certificate", await tryCall({ port: sidecar.port(81), from: STRANGER, tls })],
    ["an untrusted one", await tryCall({ port: sidecar.port(81), from: STRANGER, tls: { ...tls, pair: foreign } })],
    ["plaintext", await tryCall({ port: sidecar.port(81), from: STRANGER })],
    ["TLS on an http backend", await tryCall({ port: sidecar.port(80), from: STRANGER, tls })],
    ["a port that its policy closes", await tryCall({ port: sidecar.port(82) })],
  ] as const)
    assert.ok("error" in outcome, `${about} is let in: ${JSON.stringify(outcome)}`);
  const metrics = await (await sidecar.admin("/metrics")).text();
  assert.match(metrics, /^postern_would_refuse_total\{port="80",reason="source-not-listed"\} 1$/m);
  assert.match(metrics, /^postern_would_refuse_total\{port="81",reason="principal-not-listed"\} 1$/m);
  assert.match(metrics, /^postern_audit_end_timestamp_seconds\{port="80"\} \d+$/m);
  assert.match(await (await sidecar.admin("/")).text(), /audit: refusals by address or name are only logged/);
  const explained = await sidecar.adminJson<Record<string, unknown>>(`/explain?port=80&from=${STRANGER}`);
  assert.deepEqual([explained["verdict"], explained["wouldRefuse"]], ["forward", "source-not-listed"]);
});

test("a replay knows that the process is in audit: by the same policy nobody loses access", async () => {
  await using sidecar = await startSidecar({
    manifests: [listed],
    backends: [{ app: application.port }],
    flags: ["--enforcement=audit:1h"],
  });
  assert.equal((await call({ port: sidecar.port(), from: STRANGER })).status, 200);
  await sidecar.log.next({ event: "would-refuse", address: STRANGER });
  using same = temporaryDirectory();
  writeFileSync(join(same.path, "a.yaml"), JSON.stringify(listed));
  const url = `http://127.0.0.1:${sidecar.adminPort}`;
  const { code, stdout } = await runCommand(runExplain, `--replay=${url}`, `--manifests=${same.path}`);
  assert.match(stdout, /^127\.0\.0\.9 to port 80, .*: would be served by an audit alone, and refused at its end: /m);
  assert.equal(code, 0, stdout);
});

test("the end of an audit closes whoever stayed by it, and the next one is refused", async () => {
  const sidecar = enforcing;
  // A busy machine may be late for the first times.
  for (const seconds of [3, 6, 12, 24]) {
    await sidecar.apply([annotated(listed, `audit:${new Date(Date.now() + seconds * 1_000).toISOString()}`)]);
    const socket = await connect({ port: sidecar.port(), from: STRANGER });
    const answer = await exchange(socket, {}).catch(() => undefined);
    if (answer === undefined) continue;
    assert.equal(answer.status, 200);
    await readToEnd(socket);
    await sidecar.log.next({ event: "connection", end: "revoked", reason: "source-not-listed", address: STRANGER });
    assert.ok("error" in (await tryCall({ port: sidecar.port(), from: STRANGER })), "refused after the end");
    assert.equal((await call({ port: sidecar.port() })).status, 200, "whoever is listed is served");
    assert.doesNotMatch(await (await sidecar.admin("/metrics")).text(), /postern_audit_end_timestamp_seconds\{/);
    return;
  }
  assert.fail("no audit could be met in time");
});

test("an annotation puts one object in audit until its time, and one that names no time is enforced and warned of", async () => {
  const sidecar = enforcing;
  const outcome = async (): Promise<string> => {
    const answer = await tryCall({ port: sidecar.port(), from: STRANGER });
    return "error" in answer ? "refused" : String(answer.status);
  };
  assert.equal(await outcome(), "refused", "not by default");
  await sidecar.apply([annotated(listed, `audit:${new Date(Date.now() + 3_600_000).toISOString()}`)]);
  assert.equal(await outcome(), "200");
  await sidecar.apply([annotated(listed, `audit:${new Date(Date.now() - 1_000).toISOString()}`)]);
  assert.equal(await outcome(), "refused", "its time is over");
  await sidecar.apply([annotated(listed, "audit:1h")]);
  assert.equal(await outcome(), "refused", "a duration has no beginning");
  await sidecar.log.next(
    (line) =>
      line["message"] === "policy status" && /postern\.dev\/enforcement is neither/.test(String(line["warnings"])),
  );
});
