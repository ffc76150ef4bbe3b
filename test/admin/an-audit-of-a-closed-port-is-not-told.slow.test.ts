import assert from "node:assert/strict";
import { test } from "node:test";
import { backend, http, mutual, policy, principal, range, type Manifest } from "../support/mesh/objects.ts";
import { Truth } from "./truth.ts";

const inAudit = (object: Manifest): Manifest => ({
  ...object,
  metadata: {
    ...object.metadata,
    annotations: { "postern.dev/enforcement": `audit:${new Date(Date.now() + 3_600_000).toISOString()}` },
  },
});
const open = inAudit(policy([http], [range("127.0.0.0/8")]));

test("metric and page tell of an audit only while it lets somebody in", async () => {
  await using truth = await Truth.start({ "max-stale": "1h" });
  const told = async (): Promise<readonly boolean[]> => [
    (await truth.page("/metrics")).includes("postern_audit_end_timestamp_seconds{"),
    (await truth.page("/")).includes("AUDIT MODE"),
  ];
  await truth.show(open);
  assert.deepEqual(await told(), [true, true], "an open port");
  await truth.show(inAudit(policy([mutual], [principal("a.b")])));
  assert.deepEqual(await told(), [false, false], "no credentials");
  await truth.show(inAudit(policy([backend("foo", 8080, "http")], [range("127.0.0.0/8")])));
  assert.deepEqual(await told(), [false, false], "no listener");
  await truth.show(open);
  await truth.goStale();
  assert.deepEqual(await told(), [false, false], "stale");
});
