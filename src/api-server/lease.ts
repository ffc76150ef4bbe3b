/**
 * A lock among replicas, kept in a coordination.k8s.io Lease. It is taken only when there is something to do, so a
 * thousand quiet replicas cost nothing. Clocks of different machines are not compared: a holder is given up when its
 * record did not change for the whole duration as this process saw it (as client-go does).
 */
import type { ApiClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import { ApiFailure } from "./failure.ts";
import { isRecord, textOf } from "./objects.ts";

export interface LeaseOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly namespace: string;
  /** Asked at every try: what the lock guards may change. */
  readonly name: () => string;
  /** Unique among all replicas and restarts. */
  readonly identity: string;
  readonly durationMs: number;
}

/** A record that ended longer ago than this is taken over at first sight: no clock is expected to differ by more. */
const CLOCK_TOLERANCE_MS = 60_000;

interface LeaseRecord {
  readonly resourceVersion: string;
  readonly holder: string;
  readonly renewedAt: number;
}

export class Lease {
  readonly #options: LeaseOptions;
  #seen: { readonly resourceVersion: string; readonly at: number } | undefined;
  /** By the name of its time: another name may be wanted since. */
  #held: { readonly name: string; readonly resourceVersion: string; readonly until: number } | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** True while the last renewal of ours stands. */
  get held(): boolean {
    return this.#held !== undefined && this.#options.clock.monotonic() < this.#held.until;
  }

  /** We were the last to hold it, as far as we know: the first to try again. */
  get heldLast(): boolean {
    return this.#held !== undefined;
  }

  /**
   * Takes or renews the lock. Returns zero when it is held for `durationMs` from now on, else the milliseconds after
   * which another try makes sense. Rejects with an ApiFailure when the API server refuses or
   * `signal` aborts.
   */
  async acquire(signal: AbortSignal): Promise<number> {
    const startedAt = this.#options.clock.monotonic();
    const record = await this.#read(signal);
    if (record === undefined) return this.#write("POST", undefined, startedAt, signal);
    const waitMs = this.#waitForHolder(record);
    if (waitMs > 0) {
      this.#held = undefined;
      return waitMs;
    }
    return this.#write("PUT", record.resourceVersion, startedAt, signal);
  }

  /** Gives the lock up, so that nobody has to wait for its end. Rejects with an ApiFailure when the API server does not take it. */
  async release(signal: AbortSignal): Promise<void> {
    const held = this.#held;
    if (held === undefined || !this.held) return;
    this.#held = undefined;
    const body = this.#body(held.name, "", held.resourceVersion);
    await this.#options.client.json({ method: "PUT", path: `${this.#path}/${held.name}`, body, signal });
  }

  /** Milliseconds for which another holder has to be respected; zero when the lock may be taken. */
  #waitForHolder(record: LeaseRecord): number {
    const { clock, durationMs, identity } = this.#options;
    if (record.holder === identity || record.holder === "") return 0;
    if (clock.now() - record.renewedAt > durationMs + CLOCK_TOLERANCE_MS) return 0;
    const now = clock.monotonic();
    if (this.#seen?.resourceVersion !== record.resourceVersion)
      this.#seen = { resourceVersion: record.resourceVersion, at: now };
    return Math.max(0, this.#seen.at + durationMs - now);
  }

  async #read(signal: AbortSignal): Promise<LeaseRecord | undefined> {
    try {
      const lease = await this.#options.client.json({ path: `${this.#path}/${this.#options.name()}`, signal });
      const { metadata, spec } = isRecord(lease) ? lease : {};
      const renewedAt = Date.parse(textOf(spec, "renewTime") ?? "");
      return {
        resourceVersion: textOf(metadata, "resourceVersion") ?? "",
        holder: textOf(spec, "holderIdentity") ?? "",
        renewedAt: Number.isNaN(renewedAt) ? 0 : renewedAt,
      };
    } catch (error) {
      if (error instanceof ApiFailure && error.kind === "absent") return undefined;
      throw error;
    }
  }

  /** The resource version makes it a compare-and-swap: of many who try at once, one succeeds. */
  async #write(
    method: "POST" | "PUT",
    resourceVersion: string | undefined,
    startedAt: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { client, durationMs, identity } = this.#options;
    const name = this.#options.name();
    const body = this.#body(name, identity, resourceVersion);
    try {
      const path = method === "POST" ? this.#path : `${this.#path}/${name}`;
      const written = await client.json({ method, path, body, signal });
      const version = isRecord(written) ? textOf(written["metadata"], "resourceVersion") : undefined;
      this.#held = { name, resourceVersion: version ?? "", until: startedAt + durationMs };
      return 0;
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 409) throw error;
      this.#held = undefined;
      return durationMs;
    }
  }

  #body(name: string, holderIdentity: string, resourceVersion: string | undefined): object {
    const { clock, durationMs, namespace } = this.#options;
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      spec: {
        holderIdentity,
        leaseDurationSeconds: Math.ceil(durationMs / 1_000),
        renewTime: microTime(clock.now()),
      },
    };
  }

  get #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }
}

/** RFC 3339 with six fractional digits, as the MicroTime of the API wants it. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace("Z", "000Z");
}
