/**
 * What OSM's MeshConfig asks for and Postern does not do. It is not read for any decision. Operators are told, so that nobody
 * relies on a restriction that is not enforced.
 */
import { asArray, asRecord, asString, field } from "./unknown.ts";
import type { Problem } from "../model.ts";

export function isMeshConfig(object: { readonly kind: string; readonly apiVersion: string }): boolean {
  return object.kind === "MeshConfig" && object.apiVersion.startsWith("config.openservicemesh.io/");
}

/** An external authorization is an error and not a warning: without it callers are let in that OSM refuses. */
export function meshConfigProblems(object: unknown): readonly Problem[] {
  const spec = asRecord(field(asRecord(object), "spec"));
  const sidecar = asRecord(field(spec, "sidecar"));
  const problems: Problem[] = [];
  const authorization = asRecord(field(asRecord(field(spec, "traffic")), "inboundExternalAuthorization"));
  if (field(authorization, "enable") === true)
    problems.push({
      severity: "error",
      path: "spec.traffic.inboundExternalAuthorization",
      message:
        "external authorization is not enforced by Postern: what it refuses in OSM is let in here; have the application or the gateway ask for it before OSM's sidecar is taken away",
    });
  for (const name of ["tlsMinProtocolVersion", "tlsMaxProtocolVersion"]) {
    const version = asString(field(sidecar, name));
    if (
      version === undefined ||
      ["", "TLS_AUTO", name === "tlsMinProtocolVersion" ? "TLSv1_2" : "TLSv1_3"].includes(version)
    )
      continue;
    problems.push({
      severity: "warning",
      path: `spec.sidecar.${name}`,
      message: `${name} ${version} is not read: Postern speaks TLS 1.2 and 1.3`,
    });
  }
  for (const name of ["cipherSuites", "ecdhCurves"])
    if (asArray(field(sidecar, name)).length > 0)
      problems.push({
        severity: "warning",
        path: `spec.sidecar.${name}`,
        message: `${name} is not read: Postern offers what its Node offers`,
      });
  return problems;
}
