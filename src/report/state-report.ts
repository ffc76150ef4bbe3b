/** Says in the log what changed of backends and objects: loud where one is closed or an object has a fault. */
import { backendStates, type BackendState } from "../policy/backend-state.ts";
import { policyStatuses, sharedStatuses } from "../policy/explain/policy-statuses.ts";
import type { ServiceState } from "../policy/service-state.ts";
import type { PolicyStatus } from "../policy/snapshot.ts";
import type { Log } from "../telemetry/log.ts";

export class StateReport {
  readonly #log: Log;
  readonly #publish: (statuses: readonly PolicyStatus[]) => void;
  readonly #said = new Map<string, string>();
  #published = "";

  /** @param publish takes what all replicas may say of the objects, whenever it has changed */
  constructor(log: Log, publish: (statuses: readonly PolicyStatus[]) => void) {
    this.#log = log;
    this.#publish = publish;
  }

  /** To be called after every change, and now and then: time alone changes what is so. */
  look(state: ServiceState): void {
    // Nothing is known yet: every port is closed, and readiness says why.
    if (state.snapshot.closed === "no-snapshot") return;
    const backends = backendStates(state);
    const statuses = policyStatuses(state);
    const keys = new Set<string>();
    for (const backend of backends) this.#once(keys, `port ${backend.port}`, backend, () => this.#backend(backend));
    for (const status of statuses) this.#once(keys, `policy ${status.policy}`, status, () => this.#status(status));
    for (const key of this.#said.keys()) if (!keys.has(key)) this.#said.delete(key);
    // A replica that leaves has nothing to say to the others any more.
    if (state.drain !== undefined) return;
    const shared = sharedStatuses(state);
    const text = JSON.stringify([state.snapshot.version, shared]);
    if (text === this.#published) return;
    this.#published = text;
    this.#publish(shared);
  }

  #once(keys: Set<string>, key: string, value: object, say: () => void): void {
    keys.add(key);
    const text = JSON.stringify(value);
    if (this.#said.get(key) === text) return;
    this.#said.set(key, text);
    say();
  }

  #backend({ port, open, reason, detail, policies, conditions }: BackendState): void {
    const fields = { port, reason, detail, policies, ...(conditions.length > 0 && { conditions }) };
    if (!open) this.#log.warn(fields, "backend is closed to everybody");
    else if (conditions.length > 0) this.#log.warn(fields, "backend is open, on conditions");
    else this.#log.info(fields, "backend is open");
  }

  #status({ policy, currentStatus, reason, warnings }: PolicyStatus): void {
    const fields = { policy, currentStatus, reason, warnings };
    if (currentStatus === "error" || warnings.length > 0) this.#log.warn(fields, "policy status");
    else this.#log.info(fields, "policy status");
  }
}
