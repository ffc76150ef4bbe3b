import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  isRooted,
  requestedCredentials,
  type RequestPace,
  untilRenewal,
} from "../../src/certificate-request/requested-credentials.ts";
import { readAuthority, type AuthorityTexts } from "../../src/controller/certificate-authority/authority.ts";
import { createAuthority } from "../../src/controller/certificate-authority/create-authority.ts";
import { type CertificateSpec, issueCertificate } from "../../src/controller/certificate-authority/issue.ts";
import { generateKeys } from "../../src/controller/certificate-authority/keys.ts";
import type { Credentials } from "../../src/tls/credentials.ts";
import { CertificateRequests, type Issuer } from "../support/api-server/certificate-requests.ts";
import { TestAuthority } from "../support/mesh/authority.ts";
import { until } from "../support/until.ts";

const HOUR = 3_600_000;
const NAME = "shop.test.cluster.local";
const deny: Issuer = () => Promise.reject(new Error("not for you"));

function newRoot(): Promise<AuthorityTexts> {
  return createAuthority({ meshName: "osm", now: Date.now(), validityMs: 100 * HOUR });
}

function issuerOf(root: AuthorityTexts): (publicKey: CertificateSpec["publicKey"]) => Promise<string> {
  return async (publicKey) => {
    const authority = await readAuthority("Secret a/b", root, Date.now());
    const usages = ["server", "client"] as const;
    return issueCertificate(authority, { names: [NAME], publicKey, usages, validityMs: 24 * HOUR, now: Date.now() });
  };
}

/** A sidecar's credentials, followed until the test ends. */
async function follow(t: TestContext, issuer: Issuer, bundle: string, pace: Partial<RequestPace>) {
  const directory = await mkdtemp(join(tmpdir(), "postern-requested-"));
  const ca = join(directory, "ca.crt");
  await writeFile(ca, bundle);
  const api = await CertificateRequests.start(issuer);
  const [given, failures]: [Credentials[], string[]] = [[], []];
  const source = requestedCredentials({
    asked: { signer: "postern.dev/osm", name: NAME, ca },
    podName: "shop-1",
    api: api.credentials(),
    pace: { pollMs: 100, ...pace },
  });
  const watch = source.follow(undefined, {
    onCredentials: (credentials) => void given.push(credentials),
    onFailure: ({ message }) => void failures.push(message),
    onRecovery: () => undefined,
  });
  t.after(async () => {
    watch.stop();
    await api[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  return { api, given, failures, publish: (text: string) => writeFile(ca, text) };
}

test("a certificate is renewed at two thirds of its life, or a little before", async () => {
  const now = Date.now();
  const authority = await TestAuthority.create();
  const { certPem } = await authority.issue({ notBefore: new Date(now), notAfter: new Date(now + 3 * HOUR) });
  // Certificates know whole seconds.
  assert.ok(Math.abs(untilRenewal(certPem, now, 0) - 2 * HOUR) < 2_000);
  const early = untilRenewal(certPem, now, 0.99);
  assert.ok(early > 1.8 * HOUR && early < 2 * HOUR, `${early}`);
  assert.equal(untilRenewal(certPem, now + 2.5 * HOUR), 1_000);
});

test("a chain is rooted when the bundle holds the CA that signed its last certificate", async () => {
  const [root, other] = [await TestAuthority.create("CN=a"), await TestAuthority.create("CN=b")];
  const { certPem } = await (await root.intermediate()).issue();
  assert.equal(isRooted(certPem, other.certPem + root.certPem), true);
  assert.equal(isRooted(certPem, other.certPem), false);
});

test("a certificate that nobody trusts is asked for anew for as long as that fails, however often the bundle is read", async (t) => {
  const [root, other] = [await newRoot(), await newRoot()];
  // From the fourth on, half a pause is longer than the time between two readings.
  const pace = { leastPauseMs: 100, mostPauseMs: 1_000 };
  const { api, given, publish } = await follow(t, issuerOf(root), root.cert, pace);
  await until("the first certificate is in force", () => given.length === 1);
  api.issuer = deny;
  await publish(other.cert);
  await until("eight more requests are made", () => api.asked >= 9);
});

test("a signer whose certificates the bundle does not vouch for is asked more and more rarely", async (t) => {
  const [root, other] = [await newRoot(), await newRoot()];
  const pace = { pollMs: 20, leastPauseMs: 100, mostPauseMs: HOUR };
  const { api, given, publish } = await follow(t, issuerOf(root), root.cert, pace);
  await until("the first certificate is in force", () => given.length === 1);
  await publish(other.cert);
  await until("a request is made", () => api.asked >= 2);
  const since = performance.now();
  await until("four more requests are made", () => api.asked >= 6);
  // Half of each pause is left to chance: of 200, 400, 800 and 1,600 ms.
  assert.ok(performance.now() - since >= 1_400);
});

for (const [what, issuer] of [
  ["that cannot be read", () => Promise.resolve("no certificate")],
  ["of another key", async () => issuerOf(await newRoot())((await generateKeys()).publicKey)],
] as const satisfies readonly (readonly [string, Issuer])[])
  test(`a certificate ${what} does not take the place of the good one`, async (t) => {
    const [root, other] = [await newRoot(), await newRoot()];
    const { api, given, failures, publish } = await follow(t, issuerOf(root), root.cert, {
      leastPauseMs: 50,
      mostPauseMs: HOUR,
    });
    await until("the first certificate is in force", () => given.length === 1);
    api.issuer = issuer;
    await publish(other.cert);
    await until("the issued one is told of", () => failures.some((one) => one.includes("has issued")));
    await publish(`${root.cert}${other.cert}`);
    await until("the good one is in force with the bundle", () => given.at(-1)?.ca === `${root.cert}${other.cert}`);
    assert.equal(given.at(-1)?.cert, given[0]?.cert);
  });
