import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import {
  grpcClient,
  startGrpcApplication,
  type GrpcApplication,
  type WordsClient,
} from "../../../support/application/grpc.ts";
import { startApplication } from "../../../support/application/application.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { GATEWAY_NAME, TestMesh } from "../../../support/mesh/mesh.ts";
import { mutual, policy, principal, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

let mesh: TestMesh;
let application: GrpcApplication;
let sidecar: TestSidecar;
let client: WordsClient;

const allowing = (name: string) => [policy([mutual], [range("127.0.0.0/8"), principal(name)])];

before(async () => {
  mesh = await TestMesh.create();
  application = await startGrpcApplication();
  sidecar = await startSidecar({
    manifests: allowing(GATEWAY_NAME),
    backends: [{ app: application.port, forward: "h2c" }],
    tls: mesh.own,
  });
  client = grpcClient(sidecar.port(), await mesh.caller());
});

after(async () => {
  client?.close();
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

function say(words: WordsClient, word: string, metadata = new Metadata(), deadlineMs = 5_000): Promise<string> {
  return new Promise((resolve, reject) => {
    words.say(word, metadata, { deadline: Date.now() + deadlineMs }, (error, value = "") =>
      error === null ? resolve(value) : reject(error),
    );
  });
}

function failure(promise: Promise<unknown>): Promise<ServiceError> {
  return promise.then(
    () => assert.fail("the call succeeded"),
    (error: ServiceError) => error,
  );
}

test("a unary call, with metadata both ways and the caller's identity added", async () => {
  const metadata = new Metadata();
  metadata.set("x-word", "yes");
  metadata.set("x-bytes-bin", Buffer.from([0, 1, 254]));
  metadata.set("x-forwarded-client-cert", "By=forged");
  assert.equal(await say(client, "hello", metadata), "you said hello");
  const { path, metadata: got } = application.seen.at(-1)!;
  assert.equal(path, "/test.Words/say");
  assert.deepEqual(got.get("x-word"), ["yes"]);
  assert.deepEqual(got.get("x-bytes-bin"), [Buffer.from([0, 1, 254])]);
  assert.match(String(got.get("x-forwarded-client-cert")), /^Hash=[0-9a-f]{64};DNS=gw\.gw-ns\.cluster\.local$/);
  assert.equal(await say(client, "x".repeat(3_000_000)), "you said 3000000");
});

test("the application's own status comes through in the trailers", async () => {
  const error = await failure(say(client, "fail"));
  assert.deepEqual([error.code, error.details], [status.FAILED_PRECONDITION, "not today: ä"]);
});

test("server, client and two-way streams", async () => {
  const numbers: string[] = [];
  for await (const number of client.count("500")) numbers.push(number as string);
  assert.deepEqual([numbers.length, numbers[0], numbers.at(-1)], [500, "1", "500"]);

  const joined = await new Promise((resolve, reject) => {
    const call = client.join((error, value) => (error === null ? resolve(value) : reject(error)));
    for (const word of ["one", "two", "three"]) call.write(word);
    call.end();
  });
  assert.equal(joined, "one two three");

  const echo = client.echo();
  for (const word of ["first", "second"]) {
    echo.write(word);
    // Answered before the next is sent: nothing waits for the end of anything.
    assert.deepEqual(await once(echo, "data"), [word]);
  }
  echo.end();
  await once(echo.resume(), "end");
});

test("a deadline that passes cancels the call at the application", async () => {
  const error = await failure(say(client, "hang", new Metadata(), 200));
  assert.equal(error.code, status.DEADLINE_EXCEEDED);
  await sidecar.log.next({ path: "/test.Words/say", reason: "request-cancelled" });
  assert.ok(application.cancelled.includes("say"));
});

test("a wrong principal is PERMISSION_DENIED with OSM's text", async () => {
  const other = grpcClient(sidecar.port(), await mesh.caller("other.gw-ns.cluster.local"));
  const reached = application.seen.length;
  const error = await failure(say(other, "hello"));
  assert.deepEqual([error.code, error.details], [status.PERMISSION_DENIED, "RBAC: access denied"]);
  assert.equal(application.seen.length, reached);
  other.close();
});

test("an application that is not there is UNAVAILABLE", async () => {
  await using alone = await startSidecar({
    manifests: allowing(GATEWAY_NAME),
    backends: [{ app: 1, forward: "h2c" }],
    tls: mesh.own,
  });
  const lonely = grpcClient(alone.port(), await mesh.caller());
  const error = await failure(say(lonely, "hello"));
  assert.deepEqual([error.code, error.details], [status.UNAVAILABLE, "the application cannot be reached"]);
  lonely.close();
});

test("a stream whose right ends is cut within two seconds, and a new call is refused", async () => {
  const stream = client.count("forever");
  await once(stream, "data");
  const ended = once(stream, "error") as Promise<[ServiceError]>;
  const startedAt = performance.now();
  await sidecar.apply(allowing("somebody.else"));
  await ended;
  assert.ok(performance.now() - startedAt < 2_000);
  const late = grpcClient(sidecar.port(), await mesh.caller());
  const error = await failure(say(late, "hello"));
  assert.equal(error.code, status.PERMISSION_DENIED);
  late.close();
});

test("gRPC reaches its application without a setting, and other requests of the same backend go by HTTP/1.1", async () => {
  await using plain = await startApplication();
  await using undeclared = await startSidecar({
    manifests: allowing(GATEWAY_NAME),
    backends: [{ app: application.port }],
    tls: mesh.own,
  });
  await using mixed = await startSidecar({
    manifests: allowing(GATEWAY_NAME),
    backends: [{ app: plain.port }],
    tls: mesh.own,
  });
  const words = grpcClient(undeclared.port(), await mesh.caller());
  assert.equal(await say(words, "hello"), "you said hello");
  words.close();
  await using caller = await Http2Caller.connect(mixed.port(), await mesh.caller());
  for (const type of ["text/plain", "application/grpc-web+proto"]) {
    const { status: code } = await caller.call({ ":method": "POST", "content-type": type }, "x");
    assert.equal(code, 200, type);
  }
});
