/** What the documentation's demonstrations begin with: Contour's definitions, its Service, the secrets, and Envoys at the edges. */
import { join } from "node:path";
import { shipped, SHOP } from "../cluster.ts";
import type { Laboratory } from "../laboratory.ts";
import { NAMES, tlsSecret } from "../mesh.ts";
import type { Namespace } from "../network.ts";
import { ContourEdge } from "./contour.ts";
import type { Programs } from "./lacking.ts";

const CONFIG = join(import.meta.dirname, "../../../config/contour/contour.yaml");

export interface Edges {
  /** Endpoints of the Service that the policies name. */
  readonly listed: readonly Namespace[];
  /** Served by the same Contour, and endpoints of nothing. */
  readonly unlisted: readonly Namespace[];
}

/** Ends with the laboratory. */
export async function startWalkthrough(lab: Laboratory, programs: Programs, edges: Edges): Promise<ContourEdge> {
  const { cluster, mesh } = lab;
  await cluster.addService("projectcontour", "envoy", 80, 8080);
  for (const at of edges.listed)
    await cluster.place({ namespace: "projectcontour", name: `envoy-${at.name}`, app: "envoy", port: 8080 }, at);
  await cluster.kubectl(["apply", "--server-side", "-f", programs.contour.definitions]);
  await cluster.kubectl(["wait", "--for=condition=Established", "crd/httpproxies.projectcontour.io"]);
  await cluster.apply(
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: "osm-system", name: "osm-ca-bundle" },
      stringData: { "ca.crt": mesh.ca },
    },
    tlsSecret(SHOP.namespace, "cart-example", await mesh.issue(NAMES.site)),
    tlsSecret("projectcontour", "envoy-client-cert", await mesh.issue(NAMES.contour)),
    ...shipped("contour/delegation.yaml"),
  );
  const gateway = lab.use(await ContourEdge.start(cluster, { ...programs, config: CONFIG }));
  for (const at of [...edges.listed, ...edges.unlisted]) await gateway.addEnvoy(at);
  return gateway;
}
