/** Many Kubernetes sources in one process, as many sidecars would run them: one each. Started by `fleet.ts`. */
import {
  createKubernetesDiscovery,
  type KubernetesDiscovery,
} from "../../src/discovery/kubernetes/kubernetes-discovery.ts";
import { compile } from "../../src/policy/compile/compile.ts";
import { HeldCredentials } from "../../test/support/api-server/test-cluster.ts";

export interface FleetOrder {
  readonly port: number;
  readonly token: string;
  readonly ca: string;
  readonly sidecars: number;
  /** Replicas of one application: they share a Service and a policy. */
  readonly replicas: number;
}

/** What the fleet tells, several times a second: sums over all sidecars. */
export interface FleetReport {
  /** Sidecars that have policy and endpoints. */
  readonly inForce: number;
  /** Sidecars for which something that they follow has failed and has not come back. */
  readonly troubled: number;
  /** Resources that are followed by a watch. */
  readonly watches: number;
  readonly openConnections: number;
  /** Since the start. */
  readonly connections: number;
  readonly requests: number;
  /** Changes that watches have told. */
  readonly events: number;
}

const REPORT_MS = 250;

function total(sources: readonly KubernetesDiscovery[], pick: (source: KubernetesDiscovery) => number): number {
  return sources.reduce((sum, source) => sum + pick(source), 0);
}

/** An API that need not be installed, and is not, is no trouble. */
function isTroubled(source: KubernetesDiscovery): boolean {
  return source.health().some(({ failure }) => failure !== undefined && !failure.startsWith("absent"));
}

function watchesOf(source: KubernetesDiscovery): number {
  return [...source.counts().events.values()].filter(({ watch = 0 }) => watch > 0).length;
}

function eventsOf(source: KubernetesDiscovery): number {
  return [...source.counts().events.values()].reduce((sum, { event = 0 }) => sum + event, 0);
}

// The bench was ended from outside.
process.once("disconnect", () => process.exit(0));
process.once("message", (order: FleetOrder) => {
  const inForce = new Set<number>();
  const quiet = (): void => undefined;
  const sources = Array.from({ length: order.sidecars }, (_, index) => {
    const services = [`app-${Math.floor(index / order.replicas)}`];
    const source = createKubernetesDiscovery({
      credentials: new HeldCredentials(order.port, order.token, order.ca),
      namespace: "test",
      services,
      podName: `pod-${index}`,
      log: { info: quiet, warn: quiet, error: quiet },
    });
    void source.start({
      onWorld: (world) => {
        const snapshot = compile(world, { namespace: "test", services }, 1);
        source.publishStatuses(snapshot.statuses);
        if (snapshot.rules.size > 0) inForce.add(index);
      },
    });
    return source;
  });
  setInterval(() => {
    process.send?.({
      inForce: inForce.size,
      troubled: total(sources, (source) => Number(isTroubled(source))),
      watches: total(sources, watchesOf),
      openConnections: total(sources, (source) => source.counts().openConnections),
      connections: total(sources, (source) => source.counts().connections),
      requests: total(sources, (source) => source.counts().requests),
      events: total(sources, eventsOf),
    } satisfies FleetReport);
  }, REPORT_MS);
});
