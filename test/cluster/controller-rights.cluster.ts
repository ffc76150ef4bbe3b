/** The controller's roles are enough, and nothing in them is too much: each right is taken away once, and is missing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import type { IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { after, before, describe, test } from "node:test";
import { newKeyAndRequest } from "../../src/certificate-request/key-and-request.ts";
import { readController } from "../../src/cli/controller.ts";
import { Controller } from "../../src/controller/controller.ts";
import { CONTROLLER_DEFAULTS, controllerObjects } from "../../src/controller/manifests/controller-objects.ts";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import { REQUEST_USAGES } from "../../src/controller/signer/judge-request.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { objectPath, type ManifestLike } from "../support/api-server/api-caller.ts";
import { HeldCredentials } from "../support/api-server/test-cluster.ts";
import { backend, policy, range } from "../support/mesh/objects.ts";
import { until } from "../support/until.ts";
import { GATEWAY, MESH, MeshCluster, NAMES, podOf } from "./mesh-cluster.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

type Role = ManifestLike & { readonly rules: readonly Rule[] };

/** One verb on one resource, or on one object of it. */
interface Right {
  readonly role: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name?: string;
}

const REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const ROLES: readonly Role[] = controllerObjects({
  ...CONTROLLER_DEFAULTS,
  mesh: MESH,
  image: "postern:test",
  gatewaySecrets: [GATEWAY],
}).filter(({ kind, metadata }) => metadata.name === NAMES.controller && /^(?:Cluster)?Role$/.test(kind)) as never;
const RIGHTS = ROLES.flatMap(rightsOf);

function rightsOf({ kind, rules }: Role): readonly Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb): readonly Right[] => {
          const right = { role: kind, verb, group, resource };
          return resourceNames === undefined ? [right] : resourceNames.map((name) => ({ ...right, name }));
        }),
      ),
    ),
  );
}

function nameOf({ role, verb, group, resource, name }: Right): string {
  return `${role}: ${verb} ${resource}${group === "" ? "" : `.${group}`}${name === undefined ? "" : ` ${name}`}`;
}

/** What the API server says when it is missing. */
function refusalOf({ verb, resource, group, name = "" }: Right): RegExp {
  if (resource === "signers") return new RegExp(`not permitted to ${verb} `);
  if (verb === "bind") return new RegExp(`attempting to grant RBAC permissions not currently held`);
  const object = name === "" ? "" : `"${name}" is forbidden.*`;
  // A list or watch is of the collection.
  const named = verb === "list" || verb === "watch" || verb === "create" ? "" : object;
  return new RegExp(`${named}cannot ${verb} resource "${resource}" in API group "${group}"`);
}

let cluster: MeshCluster;
let credentials: HeldCredentials;
let podToken = "";
let scenes = 0;

before(async () => {
  cluster = await MeshCluster.start();
  await cluster.defineMeshConfig();
  await cluster.namespace("scene");
  await cluster.account("scene", "shop");
  const pod = await cluster.api.create(podOf("scene", "shop-1", "shop"));
  const token = await cluster.token(MESH.namespace, NAMES.controller);
  credentials = new HeldCredentials(cluster.plane.port, token, cluster.plane.authority.certPem);
  podToken = await cluster.token("scene", "shop", pod);
  await cluster.api.apply({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "scene-may-ask" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: NAMES.sidecarClusterRole },
    subjects: [{ kind: "ServiceAccount", name: "shop", namespace: "scene" }],
  });
});

after(() => cluster[Symbol.asyncDispose]());

/** All rights but one; returns when the API server's authorizer has taken it in. */
async function grant(without?: Right): Promise<void> {
  for (const role of ROLES)
    await cluster.api.apply({
      ...role,
      rules: rightsOf(role)
        .filter((right) => !isDeepStrictEqual(right, without))
        .map(({ verb, group, resource, name }) => ({
          apiGroups: [group],
          resources: [resource],
          verbs: [verb],
          ...(name !== undefined && { resourceNames: [name] }),
        })),
    });
  for (const right of RIGHTS)
    await until(`the authorizer knows of ${nameOf(right)}`, async () => {
      const [resource, subresource] = right.resource.split("/");
      const { verb, group, name } = right;
      const namespace = right.role === "Role" ? MESH.namespace : "";
      const answer = await cluster.api.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: `system:serviceaccount:${MESH.namespace}:${NAMES.controller}`,
          resourceAttributes: { namespace, verb, group, resource, subresource, name },
        },
      });
      const { allowed } = answer.status as { readonly allowed?: boolean };
      return (allowed === true) === !isDeepStrictEqual(right, without);
    });
}

/** As on the first day: nothing that a controller has made is there. */
async function clear(): Promise<void> {
  const metadata = (name: string, namespace?: string): ManifestLike["metadata"] => ({
    name,
    ...(namespace !== undefined && { namespace }),
  });
  const secrets = [NAMES.authoritySecret, NAMES.webhookSecret, "osm-ca-bundle", GATEWAY.secret];
  const made: readonly ManifestLike[] = [
    ...secrets.map((name) => ({ apiVersion: "v1", kind: "Secret", metadata: metadata(name, MESH.namespace) })),
    { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("osm-ca-bundle", "scene") },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: metadata(NAMES.sidecarRole, "scene"),
    },
    { apiVersion: "certificates.k8s.io/v1beta1", kind: "ClusterTrustBundle", metadata: metadata(NAMES.trustBundle) },
    { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: metadata(NAMES.controller, MESH.namespace) },
  ];
  for (const object of made) await cluster.api.call("DELETE", objectPath(object));
  // The binding without subjects, the webhook configurations without roots.
  await cluster.api.apply(
    ...cluster.objects().filter(({ kind }) => /ClusterRoleBinding|WebhookConfiguration/.test(kind)),
  );
  await cluster.namespace("test");
  await cluster.namespace("scene", { [MONITORED_LABEL]: MESH.name });
}

class Scene implements AsyncDisposable {
  readonly controller: Controller;
  /** The log, as text. */
  text = "";

  constructor() {
    const flags = [
      ["namespace", MESH.namespace],
      ["webhook", "127.0.0.1:0"],
      ["health", "127.0.0.1:0"],
      ["ca-overlap", "0"],
      ["drain-delay", "0"],
      ["pod-name", `scene-${(scenes += 1)}`],
    ] as const;
    const { config } = readController(new Map(flags.map(([name, value]) => [name, [value]])), {}, []);
    this.controller = new Controller({
      config: { ...config, everyMs: 500, leaseDurationMs: 3_000 },
      credentials,
      log: createLog("debug", (line) => (this.text += line)),
    });
  }

  /** Everything that a controller is for, once; ends early when `isOver`. */
  async play(isOver: () => boolean): Promise<void> {
    await this.controller.start();
    const step = async (what: string, isTrue: () => Promise<boolean>): Promise<void> => {
      await until(
        () => `${what}\n${this.text}`,
        async () => isOver() || (await isTrue()),
      );
    };
    const { api } = cluster;
    await step("the first objects are there", async () => {
      const map = await cluster.read("v1", "ConfigMap", "scene", "osm-ca-bundle");
      const binding = await cluster.read("rbac.authorization.k8s.io/v1", "RoleBinding", "scene", NAMES.sidecarRole);
      const gateway = await cluster.read("v1", "Secret", MESH.namespace, GATEWAY.secret);
      const trust = await cluster.read("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "", NAMES.trustBundle);
      const bound = await cluster.read(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "",
        NAMES.sidecarClusterRole,
      );
      const validator = await cluster.read(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "",
        NAMES.validatorConfiguration,
      );
      const trusted = JSON.stringify(validator?.["webhooks"] ?? []).includes("caBundle");
      return [map, binding, gateway, trust, bound?.["subjects"]].every((one) => one !== undefined) && trusted;
    });
    if (isOver()) return;
    const { request: content } = newKeyAndRequest("shop.scene.cluster.local");
    const { metadata } = await cluster.as(podToken).ask("POST", REQUESTS, {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { generateName: "scene-" },
      spec: {
        signerName: NAMES.signer,
        usages: REQUEST_USAGES,
        request: Buffer.from(content).toString("base64"),
      },
    });
    await step("the certificate is signed", async () => {
      const { status } = await api.ask("GET", `${REQUESTS}/${metadata.name}`);
      return (status as { readonly certificate?: string } | undefined)?.certificate !== undefined;
    });
    await step("the webhooks answer", async () => this.controller.readiness().reasons.length === 0);
    if (isOver()) return;
    const object = policy([backend("foo", 80, "http")], [range("10.0.0.0/8")], "scene/foo");
    for (const [path, reviewed] of [
      ["/validate", object],
      ["/inject", podOf("scene", "new", "shop")],
    ] as const)
      if (!isOver())
        assert.ok((await review(this.controller.webhookPort, path, reviewed)) === 200 || isOver(), this.text);
    await api.apply({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: {
        name: NAMES.sidecarRole,
        namespace: "scene",
        labels: { "app.kubernetes.io/managed-by": "postern-controller" },
      },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: NAMES.sidecarRole },
      subjects: [],
    });
    await step("the binding is put right", async () => {
      const binding = await cluster.read("rbac.authorization.k8s.io/v1", "RoleBinding", "scene", NAMES.sidecarRole);
      return JSON.stringify(binding?.["subjects"] ?? []).includes("system:serviceaccounts:scene");
    });
    if (isOver()) return;
    const former = await cluster.read("v1", "ConfigMap", "scene", "osm-ca-bundle");
    await api.ask(
      "PATCH",
      `/api/v1/namespaces/${MESH.namespace}/secrets/${NAMES.authoritySecret}`,
      { metadata: { annotations: { "postern.dev/rotate": "now" } } },
      "application/merge-patch+json",
    );
    await step("the CA is rotated", async () => {
      const { "ca.crt": bundle } = (await cluster.secret(GATEWAY.secret, "ca.crt")) as { readonly "ca.crt": string };
      const map = await cluster.read("v1", "ConfigMap", "scene", "osm-ca-bundle");
      const trust = await cluster.read("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "", NAMES.trustBundle);
      const spec = trust?.["spec"] as { readonly trustBundle?: string } | undefined;
      return (
        !isDeepStrictEqual(map?.["data"], former?.["data"]) &&
        this.text.includes("next mesh CA signs") &&
        spec?.trustBundle === bundle
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controller.stop();
  }
}

/** @returns the HTTP status */
async function review(port: number, path: string, object: object): Promise<number> {
  const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", rejectUnauthorized: false, agent: false });
  const content = { uid: "1", operation: "CREATE", namespace: "scene", object };
  outgoing.end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: content }));
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  incoming.resume();
  await once(incoming, "end");
  return incoming.statusCode ?? 0;
}

test("with its roles the controller does all that it is for, and is refused nothing", async () => {
  await grant();
  await clear();
  await using scene = new Scene();
  await scene.play(() => false);
  assert.doesNotMatch(scene.text, /forbidden|not permitted|\b403\b/);
});

describe("each right is needed", () => {
  for (const right of RIGHTS) {
    test(`without "${nameOf(right)}" the API server refuses what it is for`, async () => {
      await grant(right);
      await clear();
      await using scene = new Scene();
      const expected = refusalOf(right);
      const refused = (): boolean => expected.test(scene.text.replaceAll('\\"', '"'));
      await scene.play(refused);
      await until(() => `no refusal like ${expected}\n${scene.text}`, refused);
    });
  }
});
