import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import { text as textOf } from "node:stream/consumers";
import { connect } from "node:tls";
import type { IncomingMessage } from "node:http";
import { after, before, test } from "node:test";
import { WebhookServer } from "../../../src/controller/webhook/webhook-server.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { TestAuthority } from "../../support/mesh/authority.ts";

let authority: TestAuthority;
const lines: string[] = [];
const server = new WebhookServer({
  listen: { host: "127.0.0.1", port: 0 },
  log: createLog("debug", (line) => lines.push(line)),
  handlers: {
    "/answer": ({ namespace }) =>
      Promise.resolve(
        namespace === "no" ? { allowed: false, message: "not here" } : { allowed: true, warnings: ["w"] },
      ),
    "/fail": () => Promise.reject(new Error("the API server is away")),
    "/fault": (): never => (undefined as never)["anything"],
  },
});

before(async () => {
  authority = await TestAuthority.create();
  await server.start();
});
after(() => server.close(1_000));

const pairFor = async (name: string) => {
  const { certPem, keyPem } = await authority.issue({ sans: [`dns:${name}`] });
  return { cert: certPem, key: keyPem };
};

async function ask(path: string, body: string, options: { method?: string; servername?: string } = {}) {
  const { method = "POST", servername = "first.svc" } = options;
  const outgoing = request({
    host: "127.0.0.1",
    port: server.port,
    path,
    method,
    agent: false,
    ca: authority.certPem,
    servername,
  });
  outgoing.on("error", () => undefined);
  outgoing.end(body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of incoming.setEncoding("utf8")) text += String(chunk);
  return { status: incoming.statusCode, body: JSON.parse(text) as Record<string, unknown> };
}

const review = (namespace: string, object: unknown = {}): string =>
  JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "u", operation: "CREATE", namespace, object },
  });

test("nobody is answered before there is a certificate", async () => {
  assert.equal(server.ready, false);
  await assert.rejects(ask("/answer", review("yes")));
  server.show(await pairFor("first.svc"));
  assert.equal(server.ready, true);
});

test("a review gets its answer, with the uid and its warnings", async () => {
  assert.deepEqual(await ask("/answer", review("yes")), {
    status: 200,
    body: {
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: { uid: "u", allowed: true, warnings: ["w"] },
    },
  });
  const { body } = await ask("/answer", review("no"));
  assert.deepEqual(body["response"], {
    uid: "u",
    allowed: false,
    status: { code: 403, reason: "Forbidden", message: "not here" },
  });
});

test("whatever is no review gets an error, never an admission", async () => {
  const cases: readonly (readonly [string, string, number, string?])[] = [
    ["/answer", "", 400],
    ["/answer", "{", 400],
    ["/answer", "[]", 400],
    ["/answer", JSON.stringify({ apiVersion: "admission.k8s.io/v1beta1", request: {} }), 400],
    ["/answer", review("yes", "text"), 400],
    ["/answer", " ".repeat(9 * 1024 * 1024), 400],
    ["/other", review("yes"), 404],
    ["/__proto__", review("yes"), 404],
    ["/answer", "", 405, "GET"],
    ["/fail", review("yes"), 500],
    ["/fault", review("yes"), 500],
  ];
  for (const [path, body, status, method] of cases) {
    const answer = await ask(path, body, method === undefined ? {} : { method });
    assert.equal(answer.status, status, `${path} ${body.slice(0, 40)}`);
    assert.equal("response" in answer.body, false);
  }
});

/** Status of a request whose target is sent as it is; empty when the connection is ended without an answer. */
async function statusOf(target: string, method = "POST"): Promise<string> {
  const body = review("yes");
  const socket = connect({ host: "127.0.0.1", port: server.port, ca: authority.certPem, servername: "first.svc" });
  socket.on("error", () => undefined);
  socket.write(
    `${method} ${target} HTTP/1.1\r\nHost: webhook\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const answer = await textOf(socket).catch(() => "");
  return /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "";
}

test("a target that names no webhook, or is no path at all, keeps no answer from the next caller", async () => {
  for (const target of [
    "//",
    "///",
    "//[",
    "//answer",
    "http://[",
    "http://[/answer",
    "https://webhook:0x/",
    "/%",
    "/\\",
    "?",
  ]) {
    assert.match(await statusOf(target), /^(404|)$/, target);
    assert.equal(await statusOf("/answer"), "200", `after ${target}`);
  }
  assert.equal(await statusOf("*", "OPTIONS"), "404");
  assert.equal(await statusOf("", "POST"), "");
  assert.equal(await statusOf("webhook:443", "CONNECT"), "");
  assert.equal(await statusOf("/answer?timeout=10s"), "200");
});

test("a fault of ours is logged with its stack, and a bad review without one", async () => {
  const lineOf = async (path: string, body: string): Promise<string> => {
    const before = lines.length;
    await ask(path, body);
    return lines.slice(before).join("\n");
  };
  assert.match(await lineOf("/fault", review("yes")), /"stack":"TypeError: .*webhook-server\.test\.ts/);
  const bad = await lineOf("/answer", "{");
  assert.match(bad, /admission could not be judged/);
  assert.doesNotMatch(bad, /"stack"/);
});

test("a new certificate is shown to the next caller, without a restart", async () => {
  server.show(await pairFor("second.svc"));
  assert.equal((await ask("/answer", review("yes"), { servername: "second.svc" })).status, 200);
  await assert.rejects(ask("/answer", review("yes"), { servername: "first.svc" }));
});
