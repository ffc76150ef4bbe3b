/** What a mesh still waits for after its objects are there. */
import type { Manifest } from "../../controller/manifests/manifest.ts";
import { BUNDLE_KEY, BUNDLE_NAME, meshNames, type Mesh } from "../../controller/names.ts";
import { isRecord, listOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";
import { nameOf } from "../names.ts";
import type { ApiObjects } from "./api-objects.ts";

export interface Expected {
  readonly mesh: Mesh;
  readonly gatewaySecrets: readonly { readonly namespace: string; readonly secret: string }[];
  /** Deployments, DaemonSets and Jobs among them are waited for. */
  readonly objects: readonly Manifest[];
}

/** One line for each thing that is not ready; empty when the mesh is. */
export async function unready(objects: ApiObjects, expected: Expected): Promise<readonly string[]> {
  const { mesh, gatewaySecrets } = expected;
  const workloads = expected.objects.filter(({ kind }) => ["Deployment", "DaemonSet", "Job"].includes(kind));
  const secrets = [{ namespace: mesh.namespace, secret: BUNDLE_NAME, key: BUNDLE_KEY }].concat(
    gatewaySecrets.map(({ namespace, secret }) => ({ namespace, secret, key: "tls.crt" })),
  );
  const found = await Promise.all([
    ...workloads.map(async (workload) => {
      const problem = workloadProblem(await objects.read(workload));
      return problem === undefined ? undefined : `${nameOf(workload)}: ${problem}`;
    }),
    ...secrets.map(async ({ namespace, secret, key }) => {
      const object = await objects.read({ apiVersion: "v1", kind: "Secret", metadata: { name: secret, namespace } });
      return textOf(object?.["data"], key)
        ? undefined
        : `Secret ${namespace}/${secret}: the controller has not written it yet`;
    }),
    ...webhookConfigurations(mesh).map(async (name) => {
      const object = await objects.read(name);
      const trusted = listOf(object, "webhooks").every((webhook) => {
        const config = isRecord(webhook) ? webhook["clientConfig"] : undefined;
        return textOf(config, "caBundle");
      });
      return object !== undefined && trusted
        ? undefined
        : `${nameOf(name)}: the API server does not know the controller's CA yet`;
    }),
  ]);
  return found.filter((line) => line !== undefined);
}

function webhookConfigurations({ name }: Mesh): readonly Pick<Manifest, "apiVersion" | "kind" | "metadata">[] {
  const { injectorConfiguration, validatorConfiguration } = meshNames(name);
  const apiVersion = "admissionregistration.k8s.io/v1";
  return [
    { apiVersion, kind: "MutatingWebhookConfiguration", metadata: { name: injectorConfiguration } },
    { apiVersion, kind: "ValidatingWebhookConfiguration", metadata: { name: validatorConfiguration } },
  ];
}

/** Why a Deployment, a DaemonSet or a Job is not done, as `kubectl rollout status` and `kubectl wait` see it. */
function workloadProblem(workload: KubernetesObject | undefined): string | undefined {
  if (workload === undefined) return "it is not there";
  const status = isRecord(workload["status"]) ? workload["status"] : {};
  const spec = isRecord(workload["spec"]) ? workload["spec"] : {};
  const count = (from: Readonly<Record<string, unknown>>, key: string): number => {
    const value = from[key];
    return typeof value === "number" ? value : 0;
  };
  switch (textOf(workload, "kind")) {
    case "Job": {
      const failed = listOf(status, "conditions").find(
        (condition) => textOf(condition, "type") === "Failed" && textOf(condition, "status") === "True",
      );
      if (failed !== undefined) return `it failed: ${textOf(failed, "message") ?? ""}`;
      return count(status, "succeeded") > 0 ? undefined : "it has not ended yet";
    }
    case "DaemonSet": {
      if (!seen(workload, status)) return "its change is not seen yet";
      const wanted = count(status, "desiredNumberScheduled");
      const ready = Math.min(count(status, "updatedNumberScheduled"), count(status, "numberAvailable"));
      return ready >= wanted ? undefined : `${ready} of ${wanted} pods are ready`;
    }
    default: {
      if (!seen(workload, status)) return "its change is not seen yet";
      const wanted = count(spec, "replicas");
      const ready = Math.min(count(status, "updatedReplicas"), count(status, "availableReplicas"));
      return ready >= wanted ? undefined : `${ready} of ${wanted} replicas are ready`;
    }
  }
}

function seen(workload: KubernetesObject, status: Readonly<Record<string, unknown>>): boolean {
  const generation = isRecord(workload["metadata"]) ? workload["metadata"]["generation"] : undefined;
  return Number(status["observedGeneration"] ?? 0) >= Number(generation ?? 0);
}
