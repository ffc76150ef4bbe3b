/** The manifests of config/cert-manager, by cert-manager's own definitions at a real API server, and by the names of the code. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { defaultGateway } from "../../src/controller/controller-config.ts";
import { workloadName } from "../../src/controller/names.ts";
import { collectionPath, type ManifestLike } from "../support/api-server/api-caller.ts";
import { until } from "../support/until.ts";
import { MESH } from "./mesh-cluster.ts";
import { cachedCertManager } from "./modules/cert-manager.ts";
import { RealCluster, shipped } from "./real-cluster.ts";

const definitions = await cachedCertManager(process.env);
const skip = definitions === undefined ? "the definitions of cert-manager are not to be had here" : false;
const FILES = ["authority.yaml", "certificates.yaml", "issuer.yaml"];

interface Certificate extends ManifestLike {
  readonly spec: {
    readonly secretName: string;
    readonly dnsNames?: readonly string[];
    readonly isCA?: boolean;
    readonly usages: readonly string[];
    readonly issuerRef: { readonly kind: string; readonly name: string };
  };
}

let cluster: RealCluster | undefined;

before(async () => {
  if (definitions === undefined) return;
  cluster = await RealCluster.start();
  const { api } = cluster;
  for (const name of [MESH.namespace, "cert-manager"])
    await api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  for (const file of globSync("cert-manager.io_*.yaml", { cwd: definitions }))
    for (const document of parseAllDocuments(readFileSync(join(definitions, file), "utf8")))
      await api.apply(document.toJS() as ManifestLike);
  for (const path of ["namespaces/test/certificates", "namespaces/test/issuers", "clusterissuers"])
    await until(
      `${path} are served`,
      async () => (await api.call("GET", `/apis/cert-manager.io/v1/${path}`)).status === 200,
    );
});

after(() => cluster?.end());

/** @returns the HTTP status and the server's words */
async function dryRun(object: ManifestLike): Promise<string> {
  const collection =
    object.kind === "ClusterIssuer"
      ? "/apis/cert-manager.io/v1/clusterissuers"
      : collectionPath(object.apiVersion, object.kind, object.metadata.namespace);
  const path = `${collection}?dryRun=All&fieldValidation=Strict`;
  const { status = 0, body } = (await cluster?.api.call("POST", path, object)) ?? {};
  return `${status} ${body?.message ?? ""}`.trim();
}

const objectsOf = (file: string): readonly ManifestLike[] => shipped(`cert-manager/${file}`);

test("every manifest is tried", () => {
  assert.deepEqual(globSync("*", { cwd: join(import.meta.dirname, "../../config/cert-manager") }).toSorted(), FILES);
});

for (const file of FILES)
  test(`${file} is taken by the API server as cert-manager defines it, field by field`, { skip }, async () => {
    for (const object of objectsOf(file))
      assert.equal(await dryRun(object), "201", `${object.kind} ${object.metadata.name}`);
  });

test("a field that cert-manager does not know is refused by the same question", { skip }, async () => {
  const [object] = objectsOf("certificates.yaml") as readonly Certificate[];
  assert.match(await dryRun({ ...object!, spec: { ...object!.spec, dnsName: "x" } }), /unknown field "spec\.dnsName"/);
  assert.match(await dryRun({ ...object!, spec: { ...object!.spec, usages: ["serve"] } }), /^422 .*spec\.usages/);
});

test("certificates have the names of the mesh, and are good for servers and clients", () => {
  const [application, gateway] = objectsOf("certificates.yaml") as readonly Certificate[];
  assert.deepEqual(application?.spec.dnsNames, [workloadName("foo-service-account", "test", MESH.trustDomain)]);
  const { namespace, secret, name } = defaultGateway(MESH);
  assert.equal(gateway?.metadata.namespace, namespace);
  assert.equal(gateway?.spec.secretName, secret);
  assert.deepEqual(gateway?.spec.dnsNames, [name]);
  const issuer = objectsOf("issuer.yaml").at(-1);
  for (const one of [application, gateway]) {
    assert.deepEqual(one?.spec.usages, ["digital signature", "server auth", "client auth"]);
    assert.equal(`${one?.spec.issuerRef.kind}/${one?.spec.issuerRef.name}`, `${issuer?.kind}/${issuer?.metadata.name}`);
  }
});

test("the CA of the controller is in its namespace, and that of the ClusterIssuer where cert-manager looks for it", () => {
  for (const [file, namespace] of [
    ["authority.yaml", MESH.namespace],
    ["issuer.yaml", "cert-manager"],
  ] as const) {
    const authority = objectsOf(file).find(({ kind }) => kind === "Certificate") as Certificate | undefined;
    assert.equal(authority?.metadata.namespace, namespace);
    assert.equal(authority?.spec.isCA, true);
    assert.equal(authority?.spec.secretName, "mesh-ca");
  }
});
