/** Many Kubernetes sources in one process, as many sidecars would run them: one each. Started by `fleet.ts`. */
import { createKubernetesDiscovery } from "../../src/discovery/kubernetes/kubernetes-discovery.ts";
import { compile } from "../../src/policy/compile.ts";
import { HeldCredentials } from "../../test/support/api-server/test-cluster.ts";

export interface FleetOrder {
  readonly port: number;
  readonly token: string;
  readonly ca: string;
  readonly sidecars: number;
  /** Replicas of one application: they share a Service and a policy. */
  readonly replicas: number;
}

/** What the fleet tells: how many have policy and endpoints. */
export interface FleetReport {
  readonly synced: number;
}

process.once("message", (order: FleetOrder) => {
  const synced = new Set<number>();
  const quiet = (): void => undefined;
  for (let index = 0; index < order.sidecars; index += 1) {
    const services = [`app-${Math.floor(index / order.replicas)}`];
    const discovery = createKubernetesDiscovery({
      credentials: new HeldCredentials(order.port, order.token, order.ca),
      namespace: "test",
      services,
      podName: `pod-${index}`,
      log: { info: quiet, warn: quiet, error: quiet },
    });
    void discovery.start({
      onWorld: (world) => {
        const snapshot = compile(world, { namespace: "test", services }, 1);
        discovery.publishStatuses(snapshot.statuses);
        if (snapshot.rules.size > 0 && !synced.has(index)) {
          synced.add(index);
          process.send?.({ synced: synced.size } satisfies FleetReport);
        }
      },
    });
  }
});
