/** Why a mesh is not installed into a cluster as it stands, and the flag that says otherwise. Pure. */
import type { Mesh } from "../../controller/names.ts";
import type { Survey } from "./survey.ts";
import { VERSION } from "../../telemetry/version.ts";

export interface Intent {
  readonly mesh: Mesh;
  readonly withContour: boolean;
  readonly besideOsm: boolean;
  readonly upgrade: boolean;
}

/** Each names what was found and what to do; empty when nothing is in the way. */
export function obstacles({ osm, postern, contours }: Survey, intent: Intent): readonly string[] {
  const { mesh, withContour, besideOsm, upgrade } = intent;
  const problems: string[] = [];
  for (const found of besideOsm ? [] : osm)
    problems.push(
      `Open Service Mesh runs in namespace ${found.namespace}${
        found.mesh === undefined ? "" : ` as mesh '${found.mesh}'`
      }; --beside-osm installs all the same, and leaves its definition of IngressBackend as it is`,
    );
  for (const found of osm)
    if (besideOsm && (found.mesh ?? mesh.name) === mesh.name)
      problems.push(
        `Open Service Mesh in namespace ${found.namespace} injects into the namespaces of mesh '${mesh.name}' too; choose another --mesh-name, and label namespaces with that`,
      );
  for (const found of postern.filter((one) => one.mesh !== mesh.name && one.namespace === mesh.namespace))
    problems.push(
      `namespace ${mesh.namespace} holds the Secrets of mesh '${found.mesh ?? ""}'; give mesh '${mesh.name}' a --namespace of its own`,
    );
  for (const found of postern.filter((one) => one.mesh === mesh.name)) {
    if (found.namespace !== mesh.namespace)
      problems.push(
        `mesh '${mesh.name}' is in namespace ${found.namespace} already; use --namespace ${found.namespace}, or another --mesh-name`,
      );
    else if (found.release !== undefined)
      problems.push(
        `mesh '${mesh.name}' is the release '${found.release}' of Helm; change it with helm upgrade ${found.release} CHART --namespace ${found.namespace}`,
      );
    else if (found.version !== VERSION && !upgrade)
      problems.push(
        `Postern ${found.version ?? "of an unknown version"} runs mesh '${mesh.name}' in namespace ${found.namespace}; --upgrade replaces it with ${VERSION}`,
      );
  }
  for (const namespace of withContour ? contours : [])
    if (namespace !== mesh.namespace)
      problems.push(
        `Contour is in namespace ${namespace} already, and a second one would take its cluster roles; leave --with-contour out and use --gateway contour --gateway-namespace ${namespace}`,
      );
  return problems;
}
