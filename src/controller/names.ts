/** What the objects of a mesh are called. Two meshes of one cluster share no name, so that neither touches what is the other's. */

/** On what a mesh is made of, with the mesh's name. Kubernetes' recommended label. */
export const INSTANCE_LABEL = "app.kubernetes.io/instance";

/** With the mesh's name, on what its controller keeps in namespaces that are not the mesh's own. */
export const KEPT_LABEL = "postern.dev/kept-for";

/** The Secret, and the ConfigMap in each namespace of the mesh, with the CA bundle; OSM's own name of it. */
export const BUNDLE_NAME = "osm-ca-bundle";
/** Their key. */
export const BUNDLE_KEY = "ca.crt";

/** OSM's MeshConfig, in the mesh's namespace. */
export const MESH_CONFIG_NAME = "osm-mesh-config";

/** Of the API of ClusterTrustBundles, newest first; a cluster may serve any of them, or none. */
export const TRUST_BUNDLE_VERSIONS = ["v1", "v1beta1", "v1alpha1"] as const;

/** Where the mesh's own objects stand, and by which name it goes. */
export interface Mesh {
  /** Value of the label of its namespaces (`MONITORED_LABEL`). */
  readonly name: string;
  /** Of the controller and of the mesh's Secrets. */
  readonly namespace: string;
  /** Last part of every name in its certificates, e.g. `cluster.local`. */
  readonly trustDomain: string;
}

export interface MeshNames {
  /** `spec.signerName` of the requests of its sidecars. */
  readonly signer: string;
  /** Deployment, ServiceAccount, Service, Lease, and the roles of the controller. */
  readonly controller: string;
  /** Secret of the CA that the controller makes when none is given. */
  readonly authoritySecret: string;
  /** Secret of the certificate that the webhooks show. */
  readonly webhookSecret: string;
  readonly injectorConfiguration: string;
  readonly validatorConfiguration: string;
  /** ClusterRole of what each sidecar may do in its own namespace, bound there. */
  readonly sidecarRole: string;
  /** ClusterRole and ClusterRoleBinding of what each sidecar may do in the whole cluster. */
  readonly sidecarClusterRole: string;
  /** The signer's part of a ClusterTrustBundle's name stands before the last colon. */
  readonly trustBundle: string;
}

/** @param mesh name of the mesh, an RFC 1123 label */
export function meshNames(mesh: string): MeshNames {
  return {
    signer: `postern.dev/${mesh}`,
    controller: `postern-controller-${mesh}`,
    authoritySecret: `postern-ca-${mesh}`,
    webhookSecret: `postern-webhook-${mesh}`,
    injectorConfiguration: `postern-injector-${mesh}`,
    validatorConfiguration: `postern-validator-${mesh}`,
    sidecarRole: `postern-sidecar-${mesh}`,
    sidecarClusterRole: `postern-sidecars-${mesh}`,
    trustBundle: `postern.dev:${mesh}:bundle`,
  };
}

/** The name that OSM gives a workload in its certificate. */
export function workloadName(serviceAccount: string, namespace: string, trustDomain: string): string {
  return `${serviceAccount}.${namespace}.${trustDomain}`;
}

/** Names by which the API server calls the webhooks: those of their Service. */
export function webhookHosts({ name, namespace, trustDomain }: Mesh): readonly [string, string] {
  const host = `${meshNames(name).controller}.${namespace}.svc`;
  return [host, `${host}.${trustDomain}`];
}
