import assert from "node:assert/strict";
import { test } from "node:test";
import type { AdmissionAnswer } from "../../../src/controller/webhook/admission.ts";
import { validateIngressBackend } from "../../../src/controller/webhook/validate-ingress-backend.ts";
import { parseIngressBackend } from "../../../src/policy/objects/parse.ts";
import { backend, policy, policyOf, range, type Manifest } from "../../support/mesh/objects.ts";

const RANGE = [range("10.0.0.0/8")];
const bad = (...protocols: readonly string[]): Manifest =>
  policy(
    protocols.map((protocol, index) => backend("foo", 80 + index, protocol)),
    RANGE,
    "test/ib",
  );

function admit(object: Manifest, oldObject?: Manifest, others: readonly Manifest[] = []): Promise<AdmissionAnswer> {
  const policies = others.flatMap((one) => parseIngressBackend(one).policy ?? []);
  const request = { uid: "1", operation: "UPDATE", namespace: "test", object: { ...object } };
  return validateIngressBackend({ ...request, ...(oldObject !== undefined && { oldObject: { ...oldObject } }) }, () =>
    Promise.resolve(policies),
  );
}

test("a good object is let in, with its warnings", async () => {
  assert.deepEqual(await admit(bad("http")), { allowed: true, warnings: [] });
  const answer = await admit(policy([backend("foo", 80, "http")], [], "test/ib"));
  assert.deepEqual(answer, { allowed: true, warnings: ["spec.sources: no source is listed: nobody is let in"] });
});

test("a wrong object is refused in OSM's words alone", async () => {
  const answer = await admit(bad("ftp"));
  assert.equal(!answer.allowed && answer.message, "Expected 'port.protocol' to be 'http' or 'https', got: ftp");
});

test("an object that does not fit the schema is refused too", async () => {
  const answer = await admit(policyOf({ backends: [{ name: "foo" }], sources: [] }, "test/ib"));
  assert.equal(answer.allowed, false);
});

test("what was wrong before is a warning, and what is new is refused", async () => {
  const kept = await admit(bad("ftp", "http"), bad("ftp"));
  assert.equal(kept.allowed, true);
  assert.match(kept.warnings?.[0] ?? "", /^stays closed: .*got: ftp$/);
  const worse = await admit(bad("ftp", "smtp"), bad("ftp"));
  assert.equal(!worse.allowed && worse.message, "Expected 'port.protocol' to be 'http' or 'https', got: smtp");
});

test("a conflict that was there before does not stand in the way, a new one does", async () => {
  const other = policy([backend("foo", 80, "http")], RANGE, "test/other");
  assert.equal((await admit(bad("http"), bad("http", "http"), [other])).allowed, true);
  const answer = await admit(bad("http"), policy([backend("foo", 90, "http")], RANGE, "test/ib"), [other]);
  assert.match(answer.allowed ? "" : answer.message, /conflicts with test\/other/);
});

test("a change of labels alone asks for nothing, even where the other objects cannot be read", async () => {
  const object = { ...bad("ftp") };
  const never = (): Promise<never> => Promise.reject(new Error("the API server is away"));
  const request = { uid: "1", operation: "UPDATE", namespace: "test", object, oldObject: { ...object } };
  assert.deepEqual(await validateIngressBackend(request, never), { allowed: true });
  await assert.rejects(validateIngressBackend({ ...request, oldObject: { ...bad("http") } }, never), /away/);
});

const DAY_MS = 86_400_000;
const inDays = (days: number): string => `audit:${new Date(Date.now() + days * DAY_MS).toISOString()}`;

function enforced(value?: string): Manifest {
  const object = bad("http");
  const annotations = value === undefined ? {} : { "postern.dev/enforcement": value };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

test("a change of the enforcement annotation alone is let in with its warnings", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["adit", /is neither 'enforce' nor 'audit:'/],
    [inDays(-1), /its audit ended at/],
    [inDays(91), /in more than 90 days/],
  ];
  for (const former of [enforced(), enforced("enforce")])
    for (const [value, warning] of cases) {
      const answer = await admit(enforced(value), former);
      assert.equal(answer.allowed, true);
      assert.match(answer.warnings?.join("\n") ?? "", warning);
    }
  assert.deepEqual(await admit(enforced(), enforced("adit")), { allowed: true, warnings: [] });
});

test("what was wrong before does not keep anybody from changing the enforcement annotation", async () => {
  const wrong = { ...bad("ftp"), metadata: enforced("enforce").metadata };
  const answer = await admit(wrong, bad("ftp"));
  assert.equal(answer.allowed, true);
  assert.match(answer.warnings?.[0] ?? "", /^stays closed: .*got: ftp$/);
});
