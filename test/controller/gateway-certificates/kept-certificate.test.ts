import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../../../src/api-server/client.ts";
import { labelOf } from "../../../src/api-server/objects.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { readAuthority } from "../../../src/controller/certificate-authority/authority.ts";
import { createAuthority } from "../../../src/controller/certificate-authority/create-authority.ts";
import { keepCertificate } from "../../../src/controller/gateway-certificates/kept-certificate.ts";
import { KEPT_LABEL } from "../../../src/controller/names.ts";
import { OWNER, OWNER_LABEL } from "../../../src/controller/objects/owned-objects.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";

const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { namespace: "edge", name: "gateway" } };

test("a Secret says of which mesh it is, one that did not yet is labelled without a new certificate, and a foreign one is left", async (t) => {
  await using cluster = await StandInCluster.start();
  cluster.server.createNamespace("edge");
  const now = Date.now();
  const texts = await createAuthority({ meshName: "osm", now, validityMs: 864_000_000 });
  const authority = await readAuthority("Secret a/b", texts, now);
  const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
  t.after(() => client.close());
  const keep = () =>
    keepCertificate(
      client,
      {
        mesh: "osm",
        namespace: "edge",
        secret: "gateway",
        names: ["edge.test"],
        usages: ["client"],
        validityMs: 86_400_000,
      },
      { authority, bundle: texts.cert },
      now,
      AbortSignal.timeout(60_000),
    );
  const relabelled = async (labels: Readonly<Record<string, string>>): Promise<unknown> => {
    const found = await cluster.api.read(SECRET);
    await cluster.api.replace({ ...SECRET, data: found["data"], metadata: { ...SECRET.metadata, labels } });
    const kept = await keep();
    assert.deepEqual(kept, { ...first, issued: false });
    const { metadata } = (await cluster.api.read(SECRET)) as { readonly metadata: { readonly labels?: unknown } };
    return metadata.labels;
  };

  const first = await keep();
  assert.equal(first.issued, true);
  assert.equal(labelOf(await cluster.api.read(SECRET), KEPT_LABEL), "osm");
  const ours = { [OWNER_LABEL]: OWNER };
  assert.deepEqual(await relabelled(ours), { ...ours, [KEPT_LABEL]: "osm" });
  assert.deepEqual(await relabelled({ a: "b" }), { a: "b" });
});
