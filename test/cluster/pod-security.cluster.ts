/** What `postern inject` prints, in namespaces that enforce the Pod Security Standards: the table of docs/inject.md. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parse, stringify } from "yaml";
import { runInject } from "../../src/cli/inject.ts";
import { controllerObjects, CONTROLLER_DEFAULTS } from "../../src/controller/manifests/controller-objects.ts";
import type { ManifestLike } from "../support/api-server/api-caller.ts";
import { runCommandWithInput } from "../support/process/command.ts";
import { GATEWAY, MESH } from "./mesh-cluster.ts";
import { RealCluster } from "./real-cluster.ts";

const LEVELS = ["privileged", "baseline", "restricted"] as const;
type Level = (typeof LEVELS)[number];

const CERTIFICATES = ["none", "secret=foo-tls", "csr=postern.dev/osm", "cert-manager=mesh", "spiffe=csi.spiffe.io"];

let cluster: RealCluster | undefined;

before(async () => {
  cluster = await RealCluster.start();
  for (const level of LEVELS) {
    const labels = { "pod-security.kubernetes.io/enforce": level };
    await cluster.api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: level, labels } });
  }
});

after(() => cluster?.end());

/** An application that says all that the level `restricted` asks for. */
const LOCKED_DOWN = {
  securityContext: { runAsNonRoot: true, runAsUser: 1_000, seccompProfile: { type: "RuntimeDefault" } },
  container: { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } },
};

function pod(namespace: Level, { securityContext, container }: Partial<typeof LOCKED_DOWN> = {}): ManifestLike {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "foo", namespace },
    spec: {
      // The admission plugin that would name it is off here.
      serviceAccountName: "default",
      ...(securityContext !== undefined && { securityContext }),
      containers: [
        {
          name: "app",
          image: "foo:1",
          ports: [{ containerPort: 8080 }],
          readinessProbe: { httpGet: { path: "/healthz", port: 8080 } },
          ...container,
        },
      ],
    },
  };
}

async function injected(object: ManifestLike, flags: readonly string[]): Promise<ManifestLike> {
  const { code, stdout, stderr } = await runCommandWithInput(runInject, stringify(object), ...flags);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /name: postern\n/);
  return parse(stdout, { version: "1.1" }) as ManifestLike;
}

/** @returns the API server's refusal, or `undefined` when it takes the pod */
async function refusal(object: ManifestLike): Promise<string | undefined> {
  const path = `/api/v1/namespaces/${object.metadata.namespace ?? ""}/pods?dryRun=All`;
  const { status = 0, body } = (await cluster?.api.call("POST", path, object)) ?? {};
  assert.ok(status === 201 || status === 403, `${status} ${body?.message ?? ""}`);
  return status === 201 ? undefined : body?.message;
}

async function each(
  level: Level,
  traffic: string,
  judge: (refused: string | undefined, flags: string) => void,
): Promise<void> {
  for (const sidecar of [[], ["--classic"]])
    for (const certificate of CERTIFICATES) {
      const flags = [`--traffic=${traffic}`, `--certificate=${certificate}`, ...sidecar];
      judge(await refusal(await injected(pod(level, LOCKED_DOWN), flags)), flags.join(" "));
    }
}

for (const level of LEVELS)
  test(`target-port passes ${level}, native and classic, with every source of certificates`, () =>
    each(level, "target-port", (refused, flags) => assert.equal(refused, undefined, flags)));

test("redirect passes privileged, native and classic, with every source of certificates", () =>
  each("privileged", "redirect", (refused, flags) => assert.equal(refused, undefined, flags)));

test("redirect is refused by baseline for the two capabilities of its init container, and for nothing else", () =>
  each("baseline", "redirect", (refused, flags) =>
    assert.equal(
      refused,
      'pods "foo" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container "postern-redirect" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add)',
      flags,
    ),
  ));

test("redirect is refused by restricted for what its init container is: capabilities and root, and for nothing else", () =>
  each("restricted", "redirect", (refused, flags) =>
    assert.equal(
      refused,
      'pods "foo" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "postern-redirect" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add), runAsNonRoot != true (container "postern-redirect" must not set securityContext.runAsNonRoot=false), runAsUser=0 (container "postern-redirect" must not set runAsUser=0)',
      flags,
    ),
  ));

test("an application that asks for no restriction is refused by restricted as without a sidecar, and passes baseline", async () => {
  const flags = ["--traffic=target-port", "--certificate=csr=postern.dev/osm"];
  const alone = await refusal(pod("restricted"));
  assert.match(alone ?? "", /violates PodSecurity "restricted:latest": .*container "app" must set/);
  assert.equal(await refusal(await injected(pod("restricted"), flags)), alone);
  assert.equal(await refusal(await injected(pod("baseline"), flags)), undefined);
});

test("the controller's own pods pass restricted", async () => {
  const options = { ...CONTROLLER_DEFAULTS, mesh: MESH, image: "postern:1", gatewaySecrets: [GATEWAY] };
  const { spec } = controllerObjects(options).find(({ kind }) => kind === "Deployment") as unknown as {
    readonly spec: { readonly template: { readonly spec: object } };
  };
  const metadata = { name: "controller", namespace: "restricted" };
  assert.equal(await refusal({ apiVersion: "v1", kind: "Pod", metadata, spec: spec.template.spec }), undefined);
});
