/** What of an OSM installation is looked at, by the names of its definitions (OSM v1.2.4 and the SMI versions that it installs). */
import { BUNDLE_NAME } from "../controller/names.ts";

export interface ExportedKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** As `kubectl get` takes it. */
  readonly resource: string;
}

export const EXPORTED: readonly ExportedKind[] = [
  { apiVersion: "v1", kind: "Namespace", resource: "namespaces" },
  { apiVersion: "v1", kind: "Service", resource: "services" },
  { apiVersion: "apps/v1", kind: "Deployment", resource: "deployments" },
  { apiVersion: "apps/v1", kind: "StatefulSet", resource: "statefulsets" },
  { apiVersion: "apps/v1", kind: "DaemonSet", resource: "daemonsets" },
  { apiVersion: "config.openservicemesh.io/v1alpha2", kind: "MeshConfig", resource: "meshconfigs" },
  { apiVersion: "policy.openservicemesh.io/v1alpha1", kind: "IngressBackend", resource: "ingressbackends" },
  { apiVersion: "policy.openservicemesh.io/v1alpha1", kind: "Egress", resource: "egresses" },
  { apiVersion: "policy.openservicemesh.io/v1alpha1", kind: "Retry", resource: "retries" },
  {
    apiVersion: "policy.openservicemesh.io/v1alpha1",
    kind: "UpstreamTrafficSetting",
    resource: "upstreamtrafficsettings",
  },
  { apiVersion: "access.smi-spec.io/v1alpha3", kind: "TrafficTarget", resource: "traffictargets" },
  { apiVersion: "split.smi-spec.io/v1alpha2", kind: "TrafficSplit", resource: "trafficsplits" },
];

/** OSM's Secret of its CA: read for the names of its keys alone, and where it is missing taken for what OSM itself makes. */
export const AUTHORITY_SECRET = BUNDLE_NAME;
export const AUTHORITY_KEY = "private.key";
