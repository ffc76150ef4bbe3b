import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import type { CredentialsWatch } from "../../../src/tls/credentials/credentials-source.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { workloadApi, type WorkloadPace } from "../../../src/tls/spiffe/workload-source.ts";
import { makeCertificate, type Made } from "../../support/mesh/certificates.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";
import { until } from "../../support/until.ts";
import { derOf, svidOf, WorkloadApi, type Answer, type Message } from "../../support/workload-api/workload-api.ts";

const ID = "spiffe://here.test/foo";
const root = makeCertificate({ subject: "here", ca: true });
const other = makeCertificate({ subject: "other", ca: true });
/** An answer may take long on a busy machine; a test of silence makes it short. */
const PACE: WorkloadPace = { answerMs: 20_000, leastPauseMs: 20, mostPauseMs: 100, leastSilenceMs: 60_000 };

const leafOf = (ends = 3_600_000): Made => makeCertificate({ subject: "foo", issuer: root, uris: [ID], ends });
const messageOf = (leaf = leafOf(), bundle: readonly Made[] = [root]): Message => ({
  svids: [svidOf(ID, [leaf], bundle)],
});

/** What a source told. */
class Told implements Disposable {
  readonly credentials: Credentials[] = [];
  readonly failures: string[] = [];
  recoveries = 0;
  readonly #watch: CredentialsWatch;

  constructor(path: string, pace: Partial<WorkloadPace> = {}) {
    this.#watch = workloadApi(path, { ...PACE, ...pace }).follow(undefined, {
      onCredentials: (credentials) => this.credentials.push(credentials),
      onFailure: ({ message }) => this.failures.push(message),
      onRecovery: () => (this.recoveries += 1),
    });
  }

  shown(): string | undefined {
    const last = this.credentials.at(-1);
    return last && derOf(last.cert).toString("hex");
  }

  [Symbol.dispose](): void {
    this.#watch.stop();
  }
}

const shownBy = ({ certPem }: Made): string => derOf(certPem).toString("hex");

test("nothing is in force at the start; each message of the stream that changes something is the next generation", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  assert.equal(await workloadApi(path).first(), undefined);
  const [first, second] = [leafOf(), leafOf()];
  await using api = await WorkloadApi.start(path, messageOf(first));
  using told = new Told(path);
  await until("the first is in force", () => told.credentials.length === 1);
  api.say(messageOf(first));
  api.say(messageOf(second));
  await until("the second is in force", () => told.credentials.length === 2);
  assert.equal(told.shown(), shownBy(second));
  api.say({ ...messageOf(second), federated_bundles: { "spiffe://there.test": derOf(other.certPem) } });
  await until("the federated bundle is in force", () => told.credentials.length === 3);
  api.say(messageOf(second));
  await until("the federated bundle is gone", () => told.credentials.length === 4);
  const domains = told.credentials.map(({ trustDomains }) => trustDomains?.anchors.size);
  assert.deepEqual(
    [domains, told.credentials.map(({ generation }) => generation)],
    [
      [1, 1, 2, 1],
      [1, 2, 3, 4],
    ],
  );
  assert.deepEqual([told.failures, api.taken], [[], 1]);
});

const faults: readonly (readonly [string, Answer, RegExp])[] = [
  ["bytes that are no message", Buffer.from([0x0a, 0xff, 0xff]), /agent\.sock: INTERNAL: /],
  ["a message without an SVID", { svids: [] }, /sent no X\.509-SVID/],
  ["an empty bundle", messageOf(leafOf(), []), /bundle of spiffe:.* is empty/],
  ["a bundle that does not hold a root", messageOf(leafOf(), [leafOf()]), /holds no CA certificate/],
  [
    "a refusal",
    { code: status.PERMISSION_DENIED, details: "no identity issued" },
    /agent\.sock: PERMISSION_DENIED: no identity issued/,
  ],
  ["an end of the stream", "end", /agent\.sock: the stream was ended by the server/],
];

for (const [what, answer, words] of faults) {
  test(`${what}: the last good certificate stays, it is told once, and the next good message is a recovery`, async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "agent.sock");
    const [first, second] = [leafOf(), leafOf()];
    await using api = await WorkloadApi.start(path, messageOf(first));
    using told = new Told(path);
    await until("the first is in force", () => told.credentials.length === 1);
    api.say(answer);
    const before = api.taken;
    await until("it is asked again and again", () => told.failures.length > 0 && api.taken >= before + 3);
    assert.equal(told.failures.length, 1);
    assert.match(told.failures[0]!, words);
    assert.deepEqual([told.shown(), told.credentials.length, told.recoveries], [shownBy(first), 1, 0]);
    api.say(messageOf(second));
    await until("the second is in force", () => told.credentials.length === 2 && told.recoveries === 1);
    assert.equal(told.shown(), shownBy(second));
  });
}

test("a server that goes away is waited for, and one that was never there; the same message is a recovery and no change", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  using told = new Told(path);
  await until("its absence is told", () => told.failures.length === 1);
  assert.match(told.failures[0]!, /agent\.sock: UNAVAILABLE: .*ENOENT/);
  const message = messageOf();
  await using api = await WorkloadApi.start(path, message);
  await until("it is in force", () => told.credentials.length === 1 && told.recoveries === 1);
  api.stop();
  await until("its loss is told", () => told.failures.length >= 2);
  assert.match(told.failures[1]!, /agent\.sock: (?:UNAVAILABLE|CANCELLED|INTERNAL)/);
  await api.begin();
  await until("it is back", () => told.recoveries === 2);
  assert.equal(told.credentials.length, 1);
});

test("a server that does not answer is told so, and asked anew", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  await using api = await WorkloadApi.start(path, "silence");
  using told = new Told(path, { answerMs: 300 });
  await until("its silence is told, and it is asked anew", () => told.failures.length === 1 && api.taken >= 2);
  assert.match(told.failures[0]!, /agent\.sock: no answer within 0\.3 s/);
  api.say(messageOf());
  await until("it is in force", () => told.credentials.length === 1);
});

test("a stream that has fallen silent is opened anew before the certificate ends", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  const [first, second] = [leafOf(6_000), leafOf()];
  await using api = await WorkloadApi.start(path, messageOf(first));
  using told = new Told(path, { leastSilenceMs: 100 });
  await until("the first is in force", () => told.credentials.length === 1);
  api.sayLater(messageOf(second));
  await until("the second is in force", () => told.credentials.length === 2);
  assert.deepEqual([told.shown(), told.failures], [shownBy(second), []]);
});
