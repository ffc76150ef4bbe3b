/** OSM's MeshConfig (v1alpha2, OSM v1.2.4), field by field: what is carried over, and what Postern does not do. Pure. */
import { readMeshConfigCertificate } from "../controller/gateway-certificates/mesh-config.ts";
import { fieldsAt } from "../inject/fields.ts";
import type { Fields } from "../inject/injection.ts";
import { meshConfigProblems } from "../policy/objects/mesh-config.ts";
import { subjectOf, type Installation } from "./installation.ts";
import type { Outcome, Statement } from "./statement.ts";

type Say = (outcome: Outcome, path: string, text: string) => void;

export function meshConfigStatements({ meshConfig, mesh, namespace }: Installation): readonly Statement[] {
  if (meshConfig === undefined)
    return [
      {
        outcome: "differs",
        subject: `mesh ${mesh}`,
        text: `the export holds no MeshConfig of namespace ${namespace}: nothing can be said of external authorization, TLS versions and certificates`,
      },
    ];
  const statements: Statement[] = [];
  const subject = subjectOf(meshConfig);
  const say: Say = (outcome, path, text) => void statements.push({ outcome, subject: `${subject} ${path}`, text });
  const spec = fieldsAt(meshConfig, "spec");
  // TLS versions, cipher suites, curves, external authorization: in the words of the sidecar's own log.
  for (const { path, message } of meshConfigProblems(meshConfig)) say(outcomeOf(path, spec), path, message);
  sayOfTraffic(fieldsAt(spec, "traffic"), say);
  sayOfSidecar(fieldsAt(spec, "sidecar"), say);
  sayOfCertificate(meshConfig, say);
  if (fieldsAt(fieldsAt(spec, "observability"), "tracing")["enable"] === true)
    say("differs", "spec.observability.tracing", "Postern sends spans by OTLP (--otlp-endpoint), not by Zipkin");
  if (fieldsAt(spec, "featureFlags")["enableIngressBackendPolicy"] === false)
    say(
      "CLOSED",
      "spec.featureFlags.enableIngressBackendPolicy",
      "OSM does not apply IngressBackends; Postern does, and a port without one is closed",
    );
  return statements;
}

/** Older versions of TLS that OSM still speaks are what callers lose; everything else that is restricted is what is lost. */
function outcomeOf(path: string, spec: Fields): Outcome {
  const lowest = fieldsAt(spec, "sidecar")["tlsMinProtocolVersion"];
  if (path === "spec.sidecar.tlsMinProtocolVersion" && (lowest === "TLSv1_0" || lowest === "TLSv1_1")) return "CLOSED";
  return path === "spec.sidecar.tlsMaxProtocolVersion" ? "differs" : "WEAKER";
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function sayOfTraffic(traffic: Fields, say: Say): void {
  if (traffic["enablePermissiveTrafficPolicyMode"] === true)
    say(
      "CLOSED",
      "spec.traffic.enablePermissiveTrafficPolicyMode",
      "in OSM every application of the mesh reaches every other, encrypted; Postern lets in whom an IngressBackend names, applications too (kind: Service), and leaves what pods send as it is. Audit shows who calls",
    );
  if (traffic["enableEgress"] !== true)
    say(
      "WEAKER",
      "spec.traffic.enableEgress",
      "OSM's sidecars stop what pods send out of the mesh; Postern does not touch what pods send: use a NetworkPolicy",
    );
  for (const list of ["outboundIPRangeExclusionList", "outboundIPRangeInclusionList", "outboundPortExclusionList"])
    if (isFilled(traffic[list]))
      say("maps", `spec.traffic.${list}`, "of no effect: Postern does not touch what pods send");
  if (isFilled(traffic["inboundPortExclusionList"]))
    say(
      "maps",
      "spec.traffic.inboundPortExclusionList",
      "has to stand on each workload as an annotation; the step 'move' writes it",
    );
  if (isFilled(traffic["networkInterfaceExclusionList"]))
    say(
      "CLOSED",
      "spec.traffic.networkInterfaceExclusionList",
      "Postern's redirect rules hold for every interface: annotate such pods with postern.dev/traffic: target-port",
    );
}

function sayOfSidecar(sidecar: Fields, say: Say): void {
  if (sidecar["localProxyMode"] === "PodIP")
    say(
      "CLOSED",
      "spec.sidecar.localProxyMode",
      "Postern reaches the application on 127.0.0.1: one that listens on the pod's address alone is not reached",
    );
  if (Object.keys(fieldsAt(sidecar, "resources")).length > 0)
    say("differs", "spec.sidecar.resources", "not read: injected sidecars ask for 50m CPU and 128Mi");
  if (sidecar["enablePrivilegedInitContainer"] === true)
    say("differs", "spec.sidecar.enablePrivilegedInitContainer", "not needed: NET_ADMIN and NET_RAW are enough");
}

function sayOfCertificate(meshConfig: Fields, say: Say): void {
  const path = "spec.certificate";
  const certificate = fieldsAt(fieldsAt(meshConfig, "spec"), "certificate");
  const { gateway, serviceValidityMs, problems } = readMeshConfigCertificate(meshConfig);
  for (const problem of problems) say("CLOSED", path, problem);
  if (serviceValidityMs !== undefined)
    say("maps", `${path}.serviceCertValidityDuration`, "the same life of the sidecars' certificates");
  if (gateway !== undefined)
    say(
      "maps",
      `${path}.ingressGateway`,
      `Secret ${gateway.namespace}/${gateway.secret} with the name ${gateway.name}; OSM's is used until OSM is gone`,
    );
  if (certificate["certKeyBitSize"] !== undefined)
    say("differs", `${path}.certKeyBitSize`, "keys of certificates are ECDSA P-256");
}
