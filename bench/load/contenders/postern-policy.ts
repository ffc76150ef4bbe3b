/** The policy under which Postern is measured. */
import { CLIENT_NAME } from "../certificates.ts";

export const SERVER_ONLY_PORT = 81;
export const MUTUAL_PORT = 82;

function policy(name: string, port: number, skip: boolean, sources: readonly object[]): object {
  return {
    apiVersion: "policy.openservicemesh.io/v1alpha1",
    kind: "IngressBackend",
    metadata: { name, namespace: "shop" },
    spec: {
      backends: [{ name: "cart", port: { number: port, protocol: "https" }, tls: { skipClientCertValidation: skip } }],
      sources: [{ kind: "Service", namespace: "gateways", name: "edge" }, ...sources],
    },
  };
}

/** The gateway is 127.0.0.1; server-only TLS on one port, mTLS with a principal on the other. */
export function posternManifests(): string {
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "edge-1", namespace: "gateways", labels: { "kubernetes.io/service-name": "edge" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"] }],
  };
  const principal = { kind: "AuthenticatedPrincipal", name: CLIENT_NAME };
  return [policy("open", SERVER_ONLY_PORT, true, []), policy("mutual", MUTUAL_PORT, false, [principal]), slice]
    .map((object) => JSON.stringify(object))
    .join("\n---\n");
}
