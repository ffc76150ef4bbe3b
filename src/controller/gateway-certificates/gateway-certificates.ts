/** The certificates of the gateways, by the flags and by OSM's MeshConfig. */
import type { ApiClient } from "../../api-server/client.ts";
import { readObject } from "../objects/owned-objects.ts";
import type { Log } from "../../telemetry/log.ts";
import { MESH_CONFIG_NAME } from "../names.ts";
import type { Authority } from "../certificate-authority/authority.ts";
import { keepCertificate } from "./kept-certificate.ts";
import { readMeshConfigCertificate, type GatewayCertificate, type MeshConfigCertificate } from "./mesh-config.ts";

/** Newest first: OSM 1.2 has v1alpha2, older releases v1alpha1 with the same fields. */
const MESH_CONFIG_VERSIONS = ["v1alpha2", "v1alpha1"] as const;

/** `{}` where OSM's definitions are not installed. Rejects with an ApiFailure. */
export async function readMeshConfig(
  client: ApiClient,
  namespace: string,
  signal: AbortSignal,
): Promise<MeshConfigCertificate> {
  for (const version of MESH_CONFIG_VERSIONS) {
    const path = `/apis/config.openservicemesh.io/${version}/namespaces/${namespace}/meshconfigs`;
    const found = await readObject(client, { path, name: MESH_CONFIG_NAME }, signal);
    if (found !== undefined) return readMeshConfigCertificate(found);
  }
  return readMeshConfigCertificate(undefined);
}

/** One a Secret: what the MeshConfig says of a gateway goes before the flags, and takes the place of the default. */
export function gatewaysOf(
  flags: readonly GatewayCertificate[],
  byDefault: boolean,
  { gateway }: Pick<MeshConfigCertificate, "gateway">,
): readonly GatewayCertificate[] {
  if (gateway === undefined) return flags;
  if (byDefault) return [gateway];
  const same = (one: GatewayCertificate): boolean =>
    one.namespace === gateway.namespace && one.secret === gateway.secret;
  return [...flags.filter((one) => !same(one)), gateway];
}

export interface GatewayIssuer {
  readonly client: ApiClient;
  readonly log: Log;
  readonly mesh: string;
  readonly authority: Authority;
  /** PEM. */
  readonly bundle: string;
  /** Of a gateway that names none. */
  readonly validityMs: number;
}

/** Every gateway is tried; rejects with the first failure. */
export async function keepGatewayCertificates(
  { client, log, mesh, authority, bundle, validityMs }: GatewayIssuer,
  gateways: readonly GatewayCertificate[],
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const failures: unknown[] = [];
  for (const { namespace, secret, name, validityMs: own = validityMs } of gateways) {
    try {
      const wanted = { mesh, namespace, secret, names: [name] as const, usages: ["client"] as const, validityMs: own };
      const { issued } = await keepCertificate(client, wanted, { authority, bundle }, now, signal);
      if (issued) log.info({ namespace, secret, name }, "gateway certificate issued");
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
