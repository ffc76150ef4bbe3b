import assert from "node:assert/strict";
import { test } from "node:test";
import { compileObjects } from "../../conformance/world.ts";
import { http, policy, service } from "../../support/mesh/objects.ts";

test("an object of more sources than a call takes arguments has a status that names each of them", () => {
  const names = Array.from({ length: 150_000 }, (_, index) => `s${index}`);
  const sources = names.map((name) => service(`gw/${name}`));
  const [status] = compileObjects([policy([http], sources)]).statuses;
  assert.equal(status?.currentStatus, "error");
  assert.equal(status.reason.split("; ").length, names.length);
});
