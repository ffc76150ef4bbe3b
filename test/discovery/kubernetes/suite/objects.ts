/** Objects of the suite: one policy on `test/foo` port 80, and slices of the Services that it names. */
import { createHash } from "node:crypto";
import type { ManifestLike } from "../../../support/api-server/api-caller.ts";
import { backend, policy, service } from "../../../support/mesh/objects.ts";

/** Addresses that a real API server takes: it refuses loopback in slices. */
export const EDGE = "10.99.0.10";
export const OTHER = "10.99.0.11";

export function letIn(...sources: readonly `${string}/${string}`[]): ManifestLike {
  return letInOn("ib", 80, ...sources);
}

/** The same under a name and on a port of its own. */
export function letInOn(name: string, port: number, ...sources: readonly `${string}/${string}`[]): ManifestLike {
  const object = policy([backend("foo", port, "http")], sources.map(service), `test/${name}`);
  return { ...object };
}

/** A slice by name, of the Service `namespace/service`; the pod behind an address is `pod-ADDRESS` unless told. */
export function sliceOf(
  path: `${string}/${string}`,
  name: string,
  addresses: readonly string[],
  pod: (address: string, index: number) => string = (address) => `pod-${address}`,
): ManifestLike {
  const [namespace = "", owner = ""] = path.split("/");
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": owner } },
    addressType: "IPv4",
    endpoints: addresses.map((address, index) => ({
      addresses: [address],
      conditions: { ready: true },
      targetRef: { kind: "Pod", namespace, name: pod(address, index), uid: uidOf(pod(address, index)) },
    })),
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  };
}

export function edgeSlice(...addresses: readonly string[]): ManifestLike {
  return sliceOf("gateways/edge", "edge-1", addresses);
}

/** Shaped as the API server wants UIDs. */
function uidOf(pod: string): string {
  const hex = createHash("sha256").update(pod).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
