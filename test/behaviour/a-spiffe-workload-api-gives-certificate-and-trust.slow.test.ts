import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { connect, exchange, tryCall } from "../support/caller/caller.ts";
import { makeCertificate, type Made } from "../support/mesh/certificates.ts";
import { mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { spawnSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { until } from "../support/until.ts";
import { derOf, svidOf, WorkloadApi, type Message } from "../support/workload-api/workload-api.ts";

const ID = "spiffe://here.test/ns/test/sa/foo";
const EDGE = "edge.gateways.cluster.local";
const NEIGHBOUR = "spiffe://there.test/edge";
const here = makeCertificate({ subject: "here", ca: true });
const there = makeCertificate({ subject: "there", ca: true });
const leafOf = (): Made =>
  makeCertificate({ subject: "foo", issuer: here, uris: [ID], dns: ["foo.test.cluster.local"] });
const federated = { "spiffe://there.test": derOf(there.certPem) };
const edge = makeCertificate({ subject: "edge", issuer: here, uris: ["spiffe://here.test/edge"], dns: [EDGE] });
const neighbour = makeCertificate({ subject: "edge", issuer: there, uris: [NEIGHBOUR] });
let application: TestApplication;

before(async () => {
  application = await startApplication();
});

after(async () => {
  await application[Symbol.asyncDispose]();
});

const messageOf = (leaf: Made, more: Partial<Message> = {}): Message => ({
  svids: [svidOf(ID, [leaf], [here])],
  ...more,
});

const spawn = (endpoint: string, variable = false): Promise<TestSidecar> =>
  spawnSidecar({
    manifests: [policy([mutual], [range("127.0.0.0/8"), principal(EDGE), principal(NEIGHBOUR)])],
    backends: [{ app: application.port }],
    ...(variable ? { env: { SPIFFE_ENDPOINT_SOCKET: endpoint } } : { flags: [`--spiffe-endpoint=${endpoint}`] }),
  });

async function statusOf(sidecar: TestSidecar, pair: Made): Promise<unknown> {
  const outcome = await tryCall({ port: sidecar.port(), tls: { ca: here.certPem, pair } });
  return "status" in outcome ? outcome.status : "refused";
}

test("an agent that comes late is waited for; its certificates are renewed under open connections", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  await using sidecar = await spawn(`unix://${path}`, true);
  const failure = await sidecar.log.next({
    level: "error",
    message: "the SPIFFE Workload API gives no certificate that can be used; what is in force stays",
  });
  assert.match(String(failure["problem"]), /agent\.sock: UNAVAILABLE/);
  const metric = async (name: string): Promise<string | undefined> =>
    new RegExp(`^${name} (\\S+)$`, "m").exec(await (await sidecar.admin("/metrics")).text())?.[1];
  await until("nothing but the certificate keeps it from being ready", async () => {
    const answer = await sidecar.admin("/readyz").catch(() => undefined);
    const { reasons = [] } = ((await answer?.json()) ?? {}) as { readonly reasons?: readonly string[] };
    return reasons.length === 1 && /^no-credentials: (?:no|our own) certificate /.test(reasons[0] ?? "");
  });
  assert.equal(await metric("postern_certificate_files_unusable"), "1");
  await using api = await WorkloadApi.start(path, messageOf(leafOf()));
  await sidecar.log.next({ message: "certificate loaded" });
  await sidecar.ready();
  assert.equal(await metric("postern_certificate_files_unusable"), "0");
  const socket = (await connect({ port: sidecar.port(), tls: { ca: here.certPem, pair: edge } })) as TLSSocket;
  assert.equal((await exchange(socket, {})).status, 200);
  const renewed = leafOf();
  api.say(messageOf(renewed));
  await sidecar.log.next({ message: "certificate replaced" });
  assert.equal((await exchange(socket, {})).status, 200);
  socket.destroy();
  await until("the renewed certificate is shown", async () => {
    const next = (await connect({ port: sidecar.port(), tls: { ca: here.certPem, pair: edge } })) as TLSSocket;
    const shown = next.getPeerX509Certificate()?.toString().trim();
    next.destroy();
    return shown === renewed.certPem.trim();
  });
  assert.equal(await sidecar.stop(), 0);
});

test("a trust domain is trusted for its members alone, and only while its bundle is given", async () => {
  using directory = temporaryDirectory();
  const leaf = leafOf();
  await using api = await WorkloadApi.start(join(directory.path, "agent.sock"), messageOf(leaf));
  await using sidecar = await spawn(api.endpoint);
  await sidecar.ready();
  assert.deepEqual([await statusOf(sidecar, edge), await statusOf(sidecar, neighbour)], [200, "refused"]);
  api.say(messageOf(leaf, { federated_bundles: federated }));
  await until("the neighbour is let in", async () => (await statusOf(sidecar, neighbour)) === 200);

  const from = (issuer: Made, uris: readonly string[], dns: readonly string[] = []): Made =>
    makeCertificate({ subject: "edge", issuer, uris, dns });
  const impostors: readonly (readonly [string, Made, unknown])[] = [
    ["a member of ours by the neighbour's CA", from(there, ["spiffe://here.test/edge"], [EDGE]), "refused"],
    ["the neighbour's member by our CA", from(here, [NEIGHBOUR]), "refused"],
    ["our DNS name by the neighbour's CA", from(there, [], [EDGE]), "refused"],
    ["our DNS name beside the neighbour's ID", from(there, ["spiffe://there.test/other"], [EDGE]), 403],
    ["two SPIFFE IDs", from(there, [NEIGHBOUR, "spiffe://here.test/edge"]), "refused"],
    ["a malformed ID by our CA", from(here, ["spiffe://here.test//edge"], [EDGE]), "refused"],
    ["the trust domain itself by our CA", from(here, ["spiffe://here.test"], [EDGE]), "refused"],
    ["our DNS name by our CA, without a SPIFFE ID", from(here, [], [EDGE]), 200],
  ];
  for (const [what, pair, outcome] of impostors) assert.equal(await statusOf(sidecar, pair), outcome, what);

  const socket = (await connect({ port: sidecar.port(), tls: { ca: here.certPem, pair: neighbour } })) as TLSSocket;
  assert.equal((await exchange(socket, {})).status, 200);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => undefined);
  api.say(messageOf(leaf));
  await closed;
  assert.deepEqual([await statusOf(sidecar, edge), await statusOf(sidecar, neighbour)], [200, "refused"]);
});
