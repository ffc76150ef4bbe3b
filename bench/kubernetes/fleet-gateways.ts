/** The gateways that a fleet follows: endpoints of one Service, or of several of which each application lets one in. */
import { setTimeout as delay } from "node:timers/promises";
import { sliceOf } from "../../test/discovery/kubernetes/suite/objects.ts";
import type { ApiCaller, ManifestLike } from "../../test/support/api-server/api-caller.ts";

/** As the cluster's own controller fills them. */
const PER_SLICE = 100;
const CHANGE_MS = 1_000;

interface Slice {
  readonly source: number;
  readonly name: string;
  readonly addresses: readonly string[];
}

export class FleetGateways {
  readonly #slices: readonly Slice[];

  /**
   * @param endpoints in all
   * @param sources Services that they are divided among
   */
  constructor(endpoints: number, sources: number) {
    this.#slices = Array.from({ length: sources }, (_, source) => {
      const own = Math.floor(endpoints / sources) + (source < endpoints % sources ? 1 : 0);
      return Array.from({ length: Math.ceil(own / PER_SLICE) }, (_absent, index) => ({
        source,
        name: `edge-${source}-${index}`,
        addresses: Array.from(
          { length: Math.min(PER_SLICE, own - index * PER_SLICE) },
          (_none, address) => `10.${100 + source}.${index}.${address + 1}`,
        ),
      }));
    }).flat();
  }

  static pathOf(source: number): `${string}/${string}` {
    return `gateways/edge-${source}`;
  }

  async furnish(api: ApiCaller): Promise<void> {
    for (const { source, name, addresses } of this.#slices)
      await api.apply(sliceOf(FleetGateways.pathOf(source), name, addresses));
  }

  /** One endpoint comes or goes in each second, in one slice after the other. */
  async change(api: ApiCaller, seconds: number): Promise<void> {
    const from = performance.now();
    for (let count = 0; count < seconds; count += 1) {
      const { source, name, addresses } = this.#slices[count % this.#slices.length]!;
      const isAway = Math.floor(count / this.#slices.length) % 2 === 0;
      const slice = sliceOf(FleetGateways.pathOf(source), name, isAway ? addresses.slice(1) : addresses);
      const { endpoints } = slice as ManifestLike & { readonly endpoints: unknown };
      const path = `/apis/discovery.k8s.io/v1/namespaces/gateways/endpointslices/${name}`;
      await api.ask("PATCH", path, { endpoints }, "application/merge-patch+json");
      await delay(Math.max(0, from + (count + 1) * CHANGE_MS - performance.now()));
    }
  }
}
