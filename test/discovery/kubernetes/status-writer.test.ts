/** Writing statuses on bad days. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../support/api-server/follower.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { EDGE, edgeSlice, letInOn } from "./suite/objects.ts";

const FIRST = letInOn("a-first", 80, "gateways/edge");
const SECOND = letInOn("b-second", 81, "gateways/edge");

test("an object whose status the API server refuses keeps no other from its status", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(FIRST, SECOND, edgeSlice(EDGE));
  const message = 'admission webhook "guard" denied the request';
  cluster.server.intervene = ({ method, path }) =>
    method === "PATCH" && path.includes("a-first")
      ? { kind: "refuse", refusal: { status: 403, reason: "Forbidden", message } }
      : undefined;
  await using follower = await Follower.start({ credentials: cluster.credentials() });
  await follower.until("the refusal is told", () => follower.said(/cannot be written: .* denied/) !== undefined);
  assert.equal((await cluster.api.read(FIRST)).status, undefined);
  assert.equal((await cluster.api.read(SECOND)).status?.currentStatus, "committed");
});
