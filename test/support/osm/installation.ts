/** What OSM v1.2.4 leaves in a cluster's API, as far as gateways and policies go: its programs do not run here. */
// @peculiar/x509 finds its parts by decorators.
import "reflect-metadata";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { parse } from "yaml";
import { EXPORTED } from "../../../src/migrate/exported-kinds.ts";
import type { ManifestLike } from "../api-server/api-caller.ts";

export const OSM = { mesh: "osm", namespace: "osm-system", gateway: "osm-contour-envoy" } as const;
/** The gateway's name, as OSM's documentation on ingress has it in the MeshConfig. */
export const GATEWAY_NAME = "osm-contour-envoy.osm-system.cluster.local";
export const GATEWAY_SECRET = "osm-contour-envoy-client-cert";

const MONITORED = "openservicemesh.io/monitored-by";
const INJECTION = "openservicemesh.io/sidecar-injection";
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2_048,
  publicExponent: Uint8Array.of(1, 0, 1),
} as const;
const HOUR_MS = 3_600_000;
const DEFINITION = join(import.meta.dirname, "../../../config/crd/policy.openservicemesh.io_ingressbackends.yaml");

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** Its definitions, with the schema of the IngressBackend's; it has no rules beyond types. */
export function osmDefinitions(): readonly ManifestLike[] {
  return EXPORTED.filter(({ apiVersion }) => apiVersion.split("/")[0]?.includes(".") === true).map(
    ({ apiVersion, kind, resource }) => {
      const [group = "", version = ""] = apiVersion.split("/");
      const schema =
        kind === "IngressBackend"
          ? ingressBackendSchema()
          : { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
      return {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `${resource}.${group}`, labels: { "app.kubernetes.io/name": "openservicemesh.io" } },
        spec: {
          group,
          scope: "Namespaced",
          names: { kind, plural: resource, singular: kind.toLowerCase() },
          versions: [{ name: version, served: true, storage: true, subresources: { status: {} }, schema }],
        },
      };
    },
  );
}

/** Its namespace and its own objects. @param ca of `osmAuthority` @param edge of the gateway, signed by it */
export function osmObjects(ca: Pem, edge: Pem): readonly object[] {
  const { mesh, namespace, gateway } = OSM;
  const metadata = (name: string, more: object = {}): object => ({ name, namespace, ...more });
  // None of them runs anywhere.
  const program = (app: string): object => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(app, { labels: { app, meshName: mesh } }),
    spec: {
      replicas: 0,
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: { containers: [{ name: app, image: `openservicemesh/${app}` }] },
      },
    },
  });
  return [
    ...["osm-controller", "osm-injector"].map(program),
    {
      apiVersion: "config.openservicemesh.io/v1alpha2",
      kind: "MeshConfig",
      metadata: metadata("osm-mesh-config"),
      spec: {
        sidecar: { enablePrivilegedInitContainer: false, logLevel: "error", tlsMinProtocolVersion: "TLSv1_2" },
        traffic: { enableEgress: true, enablePermissiveTrafficPolicyMode: false, inboundPortExclusionList: [9_090] },
        certificate: {
          certKeyBitSize: 2_048,
          serviceCertValidityDuration: "24h",
          ingressGateway: {
            secret: { name: GATEWAY_SECRET, namespace },
            subjectAltNames: [GATEWAY_NAME],
            validityDuration: "24h",
          },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: metadata("osm-ca-bundle"),
      type: "Opaque",
      data: { "ca.crt": encoded(ca.cert), "private.key": encoded(ca.key) },
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: metadata(GATEWAY_SECRET),
      type: "kubernetes.io/tls",
      data: { "ca.crt": encoded(ca.cert), "tls.crt": encoded(edge.cert), "tls.key": encoded(edge.key) },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(gateway),
      spec: { selector: { app: "envoy" }, ports: [{ port: 80 }] },
    },
  ];
}

/** As `osm namespace add` leaves it. @param injection absent: `osm namespace add` was told to leave it out */
export function meshNamespace(name: string, injection?: "enabled" | "disabled"): ManifestLike {
  const annotations = injection === undefined ? {} : { [INJECTION]: injection };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { [MONITORED]: OSM.mesh }, annotations } };
}

/** As OSM makes it: RSA, ten years, this subject. */
export async function osmAuthority(): Promise<Pem & { readonly edge: Pem }> {
  const keys = await webcrypto.subtle.generateKey(RSA, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=osm-ca.openservicemesh.io, O=Open Service Mesh, L=CA, C=US",
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + 87_600 * HOUR_MS),
    keys,
    signingAlgorithm: RSA,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const edgeKeys = await webcrypto.subtle.generateKey(RSA, true, ["sign", "verify"]);
  const edge = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${GATEWAY_NAME}, O=Open Service Mesh`,
    issuer: certificate.subjectName,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 24 * HOUR_MS),
    publicKey: edgeKeys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: RSA,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyEncipherment | KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: "dns", value: GATEWAY_NAME }]),
    ],
  });
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: await keyText(keys.privateKey),
    edge: { cert: `${edge.toString("pem")}\n`, key: await keyText(edgeKeys.privateKey) },
  };
}

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  const lines = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key))
    .toString("base64")
    .match(/.{1,64}/g);
  return `-----BEGIN PRIVATE KEY-----\n${lines?.join("\n") ?? ""}\n-----END PRIVATE KEY-----\n`;
}

function serialNumber(): string {
  return Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString("hex");
}

function encoded(text: string): string {
  return Buffer.from(text).toString("base64");
}

function ingressBackendSchema(): object {
  const definition = parse(readFileSync(DEFINITION, "utf8")) as {
    readonly spec: { readonly versions: readonly { readonly schema: object }[] };
  };
  return JSON.parse(
    JSON.stringify(definition.spec.versions[0]?.schema, (key, member: unknown) =>
      key === "x-kubernetes-validations" ? undefined : member,
    ),
  ) as object;
}
