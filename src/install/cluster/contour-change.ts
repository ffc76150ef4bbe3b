/** What a Contour that is there already lacks: the mesh's certificate for its Envoy, and leave to read the bundle. */
import type { Manifest } from "../../controller/manifests/manifest.ts";
import { annotationOf } from "../../controller/objects/owned-objects.ts";
import { identityOf, textOf } from "../../api-server/objects.ts";
import { withClientCertificate } from "../contour/client-certificate.ts";
import { bundleDelegation } from "../contour/contour-objects.ts";
import { GATEWAY_SECRET, marked } from "../names.ts";
import type { ApiObjects } from "./api-objects.ts";

const CONFIG_KEY = "contour.yaml";
/** On Contour's ConfigMap, from its change to the restart that makes Contour read it. */
const RESTART_DUE = "postern.dev/restart-due";

export interface ContourChange {
  /** Its ConfigMap as it has to be; absent: it is so. */
  readonly config?: Manifest;
  /** Of the ConfigMap that was read: what somebody else has made of it since is not written over. */
  readonly resourceVersion: string;
  /** Contour has yet to read what its ConfigMap says, or will say. */
  readonly restart: boolean;
  /** Absent: it is there. */
  readonly delegation?: Manifest;
}

/** @throws saying what is not as expected in the namespace */
export async function contourChange(
  objects: ApiObjects,
  contour: string,
  mesh: { readonly name: string; readonly namespace: string },
): Promise<ContourChange> {
  const place = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "contour", namespace: contour } };
  const found = await objects.read(place);
  if (found === undefined)
    throw new Error(
      `ConfigMap ${contour}/contour is not there; --gateway-namespace takes the namespace that Contour runs in`,
    );
  const text = textOf(found["data"], CONFIG_KEY);
  if (text === undefined)
    throw new Error(`ConfigMap ${contour}/contour has no contour.yaml; expected Contour's own ConfigMap`);
  const change = withClientCertificate(text, { name: GATEWAY_SECRET, namespace: mesh.namespace });
  if (change.kind === "refused")
    throw new Error(`contour.yaml in ConfigMap ${contour}/contour cannot be changed: ${change.problem}`);
  const delegation = marked(bundleDelegation(mesh), mesh.name);
  const delegated = await objects.read(delegation);
  return {
    resourceVersion: identityOf(found)?.resourceVersion ?? "",
    restart: change.kind === "changed" || annotationOf(found, RESTART_DUE) !== undefined,
    ...(change.kind === "changed" && {
      config: { ...place, data: { ...(found["data"] as object), [CONFIG_KEY]: change.text } },
    }),
    ...(delegated === undefined && { delegation }),
  };
}

/** Contour reads its configuration when it starts: new pods of its Deployment, as `kubectl rollout restart` makes them. */
export async function changeContour(objects: ApiObjects, contour: string, change: ContourChange): Promise<void> {
  const { config, delegation, resourceVersion, restart } = change;
  const metadata = { name: "contour", namespace: contour };
  const place = { apiVersion: "v1", kind: "ConfigMap", metadata };
  if (delegation !== undefined) await objects.apply(delegation);
  if (config !== undefined)
    await objects.merge(place, {
      metadata: { resourceVersion, annotations: { [RESTART_DUE]: "true" } },
      data: { [CONFIG_KEY]: textOf(config["data"], CONFIG_KEY) },
    });
  if (!restart) return;
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata };
  const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
  await objects.merge(deployment, { spec: { template: { metadata: { annotations } } } });
  await objects.merge(place, { metadata: { annotations: { [RESTART_DUE]: null } } });
}
