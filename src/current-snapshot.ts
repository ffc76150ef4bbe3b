/** The snapshot in force: what discovery found last, compiled, and closed to everybody once it is too old. */
import type { Config } from "./config/config.ts";
import { Departures } from "./discovery/departures.ts";
import type { ResourceHealth } from "./discovery/discovery.ts";
import { compile } from "./policy/compile/compile.ts";
import type { World } from "./policy/model.ts";
import { CLOSED, type Snapshot } from "./policy/snapshot.ts";
import { definedFields } from "./telemetry/defined-fields.ts";
import type { Log } from "./telemetry/log.ts";

export interface CurrentSnapshotParts {
  readonly config: Config;
  readonly log: Log;
  /** The process is in audit until then, if it ever was; milliseconds since the epoch. */
  readonly auditUntil: number | undefined;
  /** How old the data is. */
  readonly resources: () => readonly ResourceHealth[];
  readonly onPublish: (snapshot: Snapshot) => void;
}

export class CurrentSnapshot {
  readonly #parts: CurrentSnapshotParts;
  readonly #departures = new Departures();
  #snapshot: Snapshot = CLOSED;
  #version = 0;
  /** What was discovered last; compiled again when it becomes fresh after having been stale. */
  #world: { readonly world: World; readonly services: readonly string[] } | undefined;
  #serviceless = false;

  constructor(parts: CurrentSnapshotParts) {
    this.#parts = parts;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** @param services of this pod */
  discovered(found: World, services: readonly string[]): void {
    const world = { ...found, departed: this.#departures.observe(found.endpoints, Date.now()) };
    this.#world = { world, services };
    this.#reportServices(services);
    const snapshot = this.#compile(world, services);
    this.#publish(this.#closedIfStale(snapshot));
  }

  /** To be called every now and then. */
  checkAge(): void {
    const stale = this.#staleResources().length > 0;
    if (stale && this.#snapshot.closed === undefined) {
      this.#parts.log.error(
        { maxStaleMs: this.#parts.config.maxStaleMs, resources: this.#parts.resources() },
        "policy and endpoints are older than max-stale; everybody is refused",
      );
      this.#publish(this.#closedIfStale({ ...this.#snapshot, version: this.#version + 1 }));
    } else if (!stale && this.#snapshot.closed === "stale-snapshot" && this.#world !== undefined) {
      this.#publish(this.#compile(this.#world.world, this.#world.services));
    }
  }

  /** Ordinary while the pod starts; for good where the Service has another family of addresses than those that we know. */
  #reportServices(services: readonly string[]): void {
    const { podIps, namespace } = this.#parts.config;
    if (services.length === 0 && !this.#serviceless)
      this.#parts.log.warn(
        { podIps, namespace },
        "no Service has an address of this pod, so that no policy is ours; POD_IPS (fieldRef status.podIPs) names those of both families, --service a Service",
      );
    this.#serviceless = services.length === 0;
  }

  /** After a fault of the compiler the response is no: what was in force may be what somebody has just revoked. */
  #compile(world: World, services: readonly string[]): Snapshot {
    const { namespace, podName, meshName, nodes } = this.#parts.config;
    try {
      const { auditUntil } = this.#parts;
      const self = { namespace, services, nodes, ...definedFields({ podName, meshName, auditUntil }) };
      return compile(world, self, this.#version + 1);
    } catch (error) {
      this.#parts.log.error({ error }, "policy could not be compiled; everybody is refused");
      return { ...CLOSED, version: this.#version + 1 };
    }
  }

  #publish(snapshot: Snapshot): void {
    this.#version = snapshot.version;
    this.#snapshot = snapshot;
    this.#parts.log.info(
      { version: snapshot.version, closed: snapshot.closed, rules: snapshot.rules.size },
      "snapshot published",
    );
    this.#parts.onPublish(snapshot);
  }

  /** Closed to everybody, and still knowing what it was: whoever asks is shown old data rather than none. */
  #closedIfStale(snapshot: Snapshot): Snapshot {
    const [first, ...others] = this.#staleResources();
    if (first === undefined || snapshot.closed !== undefined) return snapshot;
    const more = others.length === 0 ? "" : `, and ${others.length} more`;
    const staleness = `${first.resource} were last known to be current at ${new Date(first.freshAt ?? 0).toISOString()}${more}`;
    return { ...snapshot, closed: "stale-snapshot", staleness };
  }

  /** The oldest first. */
  #staleResources(): readonly ResourceHealth[] {
    const { maxStaleMs } = this.#parts.config;
    if (maxStaleMs === undefined) return [];
    const since = Date.now() - maxStaleMs;
    return this.#parts
      .resources()
      .filter(({ freshAt }) => freshAt !== undefined && freshAt < since)
      .toSorted((a, b) => (a.freshAt ?? 0) - (b.freshAt ?? 0));
  }
}
