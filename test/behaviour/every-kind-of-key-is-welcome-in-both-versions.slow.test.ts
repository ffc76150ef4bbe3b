/** What the handshake offers for certificates has to work: RFC 8446 section 4.2.3 and RFC 8422 section 5.1.1. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { call } from "../support/caller/caller.ts";
import { KEY_KINDS, makeCertificate, type KeyKind, type Made } from "../support/mesh/certificates.ts";
import { mutual, policy, principal } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

const EDGE = "edge.gateways.cluster.local";
let application: TestApplication;
const authorities = new Map<KeyKind, Made>();

before(async () => {
  application = await startApplication();
  for (const kind of KEY_KINDS) authorities.set(kind, makeCertificate({ subject: `${kind} mesh`, kind, ca: true }));
});

after(async () => {
  await application[Symbol.asyncDispose]();
});

for (const own of KEY_KINDS) {
  test(`a sidecar with a key and a CA of kind ${own} and callers of every kind, TLS 1.2 and 1.3`, async () => {
    const issuer = authorities.get(own)!;
    const pair = makeCertificate({ subject: "foo", kind: own, issuer, dns: ["foo.test.cluster.local"] });
    const caPem = [...authorities.values()].map(({ certPem }) => certPem).join("");
    await using sidecar = await startSidecar({
      manifests: [policy([mutual], [principal(EDGE)])],
      backends: [{ app: application.port }],
      tls: { ...pair, caPem },
    });
    for (const kind of KEY_KINDS) {
      const caller = makeCertificate({ subject: "edge", kind, issuer: authorities.get(kind)!, dns: [EDGE] });
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        const tls = { ca: issuer.certPem, pair: caller, options: { minVersion: version, maxVersion: version } };
        const { status } = await call({ port: sidecar.port(), tls }).catch((error: unknown) => {
          throw new Error(`${kind} in ${version}`, { cause: error });
        });
        assert.equal(status, 200, `${kind} in ${version}`);
      }
    }
  });
}
