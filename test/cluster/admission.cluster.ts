/** The API server, by the shipped definition alone, accepts and refuses what `postern validate` accepts and refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionPath } from "../support/api-server/api-caller.ts";
import { BACKEND_ADMISSION } from "../conformance/cases/admission-of-backends.ts";
import { SOURCE_ADMISSION } from "../conformance/cases/admission-of-sources.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

for (const { id, about, object, refusal } of [...BACKEND_ADMISSION, ...SOURCE_ADMISSION]) {
  test(`${id}: ${about}: ${refusal === undefined ? "accepted" : "refused"}`, async () => {
    const path = `${collectionPath(object.apiVersion, object.kind, "test")}?dryRun=All`;
    const { status, body } = await cluster().api.call("POST", path, object);
    assert.equal(status, refusal === undefined ? 201 : 422, body.message);
  });
}
