/** What `postern controller` was told, checked. */
import type { SocketAddress } from "../config/config.ts";
import type { InjectOptions } from "../inject/injection.ts";
import type { GatewayCertificate } from "./gateway-certificates/mesh-config.ts";
import type { Mesh } from "./names.ts";

export interface ControllerConfig {
  readonly mesh: Mesh;
  /** Secret of a CA that somebody else keeps; absent: the controller makes and rotates one. */
  readonly givenAuthority?: string;
  /** Of a CA that the controller makes. */
  readonly authorityValidityMs: number;
  /** How long the next CA is published before it signs. */
  readonly overlapMs: number;
  /** Of certificates, unless MeshConfig says otherwise. */
  readonly validityMs: number;
  readonly gateways: readonly GatewayCertificate[];
  /** `gateways` is the default, which a MeshConfig's `ingressGateway` takes the place of. */
  readonly gatewaysByDefault: boolean;
  readonly webhook: SocketAddress;
  readonly health: SocketAddress;
  /** Of the injected sidecars. */
  readonly injection: InjectOptions;
  /** Names this replica in the Lease. */
  readonly replica: string;
  /** How long a leader that fell silent keeps the others waiting. */
  readonly leaseDurationMs: number;
  /** Between two looks at what is kept. */
  readonly everyMs: number;
  /** Webhooks are answered on after SIGTERM, while endpoints spread. */
  readonly drainDelayMs: number;
}

/** OSM's own, where it was installed with Contour. */
export function defaultGateway({ namespace, trustDomain }: Mesh): GatewayCertificate {
  return {
    namespace,
    secret: "osm-contour-envoy-client-cert",
    name: `osm-contour-envoy.${namespace}.${trustDomain}`,
  };
}
