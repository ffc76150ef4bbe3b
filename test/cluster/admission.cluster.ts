/** The API server, by the shipped definition alone, accepts and refuses what `postern validate` accepts and refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionPath } from "../support/api-server/api-caller.ts";
import { ADMISSION } from "../../conformance/cases.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

for (const { id, about, object, expected } of ADMISSION.filter(({ needsOthers }) => needsOthers !== true)) {
  test(`${id}: ${about}: ${expected.accepted ? "accepted" : "refused"}`, async () => {
    const path = `${collectionPath(object.apiVersion, object.kind, "test")}?dryRun=All`;
    const { status, body } = await cluster().api.call("POST", path, object);
    assert.equal(status, expected.accepted ? 201 : 422, body.message);
  });
}
